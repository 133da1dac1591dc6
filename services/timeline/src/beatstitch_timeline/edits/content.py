"""Edits that put pictures in, take them out, or exchange them for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_timeline.edits.material import find_media, new_shot
from beatstitch_timeline.edits.refused import Refused

if TYPE_CHECKING:
    from beatstitch.v1.timeline_edit_pb2 import DeleteSegment, InsertSegment, ReplaceSegment
    from beatstitch_timeline.edits.draft import Draft


def insert(draft: Draft, edit: InsertSegment) -> None:
    """Lays a picture over the time between two beats; what it interrupts goes on after it."""
    context, axis = draft.context, draft.axis
    item = find_media(context, edit.media_asset_id, edit.source_in_us)
    at = context.beats.target(edit.at, "at")
    first, begin = axis.at_beat(at, "at")
    until, last, end = None, first, axis.end_of(first)
    if edit.HasField("until"):
        until = context.beats.target(edit.until, "until")
        last, end = axis.at_beat(until, "until")
        if end <= begin:
            raise Refused(f"until (beat {until}) must come after at (beat {at})")
        if axis.slots[last].begin == end:
            until, last = None, last - 1
    # What of the first and the last slot is left; cuts between them go.
    opens = begin > axis.slots[first].begin
    if opens:
        axis.check_new(first, at, first + 1)
    if until is not None:
        axis.check_new(last, until, last + 1)
    context.check_count(len(draft) - (last - first) + opens + (until is not None))

    if until is not None:
        draft.split(last, until, context.usual_way(context.beats.times[until]))
    if opens:
        draft.split(first, at, context.usual_way(context.beats.times[at]))
        first, last = first + 1, last + 1
    axis.remove(first + 1, last + 1)
    del draft.shots[first + 1 : last + 1]
    if opens:
        axis.forget_blows(first)
    draft.shots[first] = new_shot(context, item, edit.source_in_us, first, axis.place(first))


def delete(draft: Draft, edit: DeleteSegment) -> None:
    """The segment before goes on; where there is none, the one after begins earlier."""
    index = draft.check(edit.segment_index)
    if len(draft) == 1:
        raise Refused("the only segment can't be taken out; replace it instead")
    del draft.shots[index]
    cut = max(index, 1)
    draft.axis.remove(cut, cut + 1)


def replace(draft: Draft, edit: ReplaceSegment) -> None:
    """Shows something else."""
    index = draft.check(edit.segment_index)
    item = find_media(draft.context, edit.media_asset_id, edit.source_in_us)
    place = draft.axis.place(index)
    draft.shots[index] = new_shot(draft.context, item, edit.source_in_us, index, place)
