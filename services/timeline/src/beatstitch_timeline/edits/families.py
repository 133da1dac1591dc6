"""Which function does which edit, and which of its fields name places on the song."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from beatstitch_timeline.edits import arrange, content, divide, edges, override, slip
from beatstitch_timeline.edits.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
    from beatstitch_timeline.edits.draft import Draft

_EDITS: Final[Mapping[str, Callable[[Draft, Any], None]]] = {
    "move": arrange.move,
    "swap": arrange.swap,
    "insert": content.insert,
    "delete": content.delete,
    "replace": content.replace,
    "split": divide.split,
    "merge": divide.merge,
    "trim": edges.trim,
    "roll": edges.roll,
    "slip": slip.slip,
    "override": override.override,
}

PLACES: Final[Mapping[str, Sequence[str]]] = {
    "move": ("segment_index", "to_index"),
    "swap": ("segment_index", "other_index"),
    "insert": ("at", "until"),
    "delete": ("segment_index",),
    "replace": ("segment_index",),
    "split": ("at",),
    "merge": ("segment_index",),
    "trim": ("segment_index", "to"),
    "roll": ("segment_index", "to"),
    "slip": ("segment_index",),
    "override": ("segment_index",),
}
"""The segment indices and beats of each edit, in the order of its fields."""

BEATS: Final = frozenset({"at", "until", "to"})
"""Those that are beats."""


def do(draft: Draft, edit: TimelineEdit) -> None:
    """Does one edit, or leaves the draft as it is.

    Raises:
        Refused: It can't be done.
    """
    which = edit.WhichOneof("edit")
    if which is None:
        raise Refused("no edit is given")
    _EDITS[which](draft, getattr(edit, which))


def places(edit: TimelineEdit) -> list[str]:
    """The names of the fields of an edit that name places, those left out not among them."""
    which = edit.WhichOneof("edit")
    if which is None:
        return []
    body = getattr(edit, which)
    return [name for name in PLACES[which] if name != "until" or body.HasField("until")]
