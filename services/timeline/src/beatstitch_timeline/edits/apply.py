"""An EDL and edits → the edited EDL. All of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.edits.context import Context
from beatstitch_timeline.edits.draft import Draft
from beatstitch_timeline.edits.families import do
from beatstitch_timeline.edits.keep import kept
from beatstitch_timeline.edits.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_edit_pb2 import KeptEdit, TimelineEdit
    from beatstitch.v1.timeline_pb2 import TimelineSettings


class Edited(NamedTuple):
    """An edited timeline.

    Attributes:
        edl: The EDL.
        kept: The edits as they are to be kept, in order.
    """

    edl: Edl
    kept: list[KeptEdit]


def apply_edits(
    edl: Edl,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    edits: Sequence[TimelineEdit],
    *,
    limits: Limits | None = None,
) -> Edited:
    """Edits an EDL.

    Args:
        edl: As it is, valid; it is not changed.
        grid: The beats that it is cut to.
        media: All READY pictures and clips of the project; the song may be among them.
        settings: What it was built with; says what new segments are like.
        edits: In order; each sees what those before it did.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: EDIT_INVALID for the first edit that can't be done, its index in metadata
            "edit"; none is done then.
    """
    draft = Draft(edl, Context.of(edl, grid, media, settings, limits))
    done = []
    for index, edit in enumerate(edits):
        try:
            keeping = kept(draft, edit)
            do(draft, edit)
        except Refused as refused:
            raise _impossible(index, edit, str(refused)) from None
        done.append(keeping)
    return Edited(draft.finish(), done)


def _impossible(index: int, edit: TimelineEdit, text: str) -> BeatStitchError:
    which = edit.WhichOneof("edit")
    at = f"edits[{index}].{which}" if which else f"edits[{index}]"
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDIT_INVALID,
        f"{at}: {text}",
        metadata={"edit": str(index)},
        violations=[FieldViolation(field=at, description=text)],
    )
