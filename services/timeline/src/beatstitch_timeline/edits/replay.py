"""Kept edits on a timeline that was built anew: what finds its place is done, the rest is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1.timeline_edit_pb2 import DroppedEdit, TimelineOverlay
from beatstitch_timeline.edits.context import Context
from beatstitch_timeline.edits.draft import Draft
from beatstitch_timeline.edits.families import do
from beatstitch_timeline.edits.keep import found_again
from beatstitch_timeline.edits.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_pb2 import TimelineSettings


class Replayed(NamedTuple):
    """A timeline with its edits applied again.

    Attributes:
        edl: The EDL.
        overlay: The edits that are in it, with today's segments, beats and times.
        dropped: The edits that found no place, as they were kept.
    """

    edl: Edl
    overlay: TimelineOverlay
    dropped: list[DroppedEdit]


def replay(
    edl: Edl,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    overlay: TimelineOverlay,
    *,
    limits: Limits | None = None,
) -> Replayed:
    """Applies kept edits to an EDL that was built anew. Never fails for an edit.

    On the EDL that they were made for, it does what `apply_edits` did.

    Args:
        edl: As built; it is not changed.
        grid: The beats that it is cut to.
        media: All READY pictures and clips of the project.
        settings: What it was built with.
        overlay: The edits.
        limits: What may be asked for; the defaults when None.
    """
    draft = Draft(edl, Context.of(edl, grid, media, settings, limits))
    again, dropped = TimelineOverlay(), []
    for old in overlay.edits:
        try:
            edit, keeping = found_again(draft, old)
            do(draft, edit)
        except Refused as refused:
            dropped.append(DroppedEdit(edit=old, message=str(refused)))
        else:
            again.edits.append(keeping)
    return Replayed(draft.finish(), again, dropped)
