"""Edits that move cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_edit_pb2
from beatstitch_timeline.edits.refused import Refused, seconds
from beatstitch_timeline.edits.shots import shift

if TYPE_CHECKING:
    from beatstitch.v1.timeline_edit_pb2 import RollCut, TrimSegment
    from beatstitch_timeline.edits.draft import Draft


def trim(draft: Draft, edit: TrimSegment) -> None:
    """Moves an edge; the segment's clip still begins with the same picture."""
    index = draft.check(edit.segment_index)
    if edit.edge == timeline_edit_pb2.SEGMENT_EDGE_OUT:
        trim_out(draft, index, draft.context.beats.target(edit.to, "to"))
    elif edit.edge in {
        timeline_edit_pb2.SEGMENT_EDGE_IN,
        timeline_edit_pb2.SEGMENT_EDGE_UNSPECIFIED,
    }:
        if index == 0:
            raise Refused("edge: the video begins with the first segment; its IN can't be moved")
        beat = draft.context.beats.target(edit.to, "to")
        if beat != draft.axis.slots[index].beat:
            draft.axis.check_new(index - 1, beat, index + 1)
            draft.axis.move(index, beat)
    else:
        raise Refused(f"edge: must be IN or OUT, not {int(edit.edge)}")


def trim_out(draft: Draft, index: int, beat: int) -> None:
    """Moves a segment's end; the clip after it gives or takes as much as it has.

    Raises:
        Refused: It is the last segment, or the beat lies beyond the neighbour.
    """
    check_out(draft, index, beat, "edge")
    after = index + 1
    if beat == draft.axis.slots[after].beat:
        return
    shot = draft.shot(after)
    if shot.is_clip:
        shift(shot, draft.context, draft.context.frame_of(beat) - draft.begin(after))
    draft.axis.move(after, beat)
    draft.refit(after)


def check_out(draft: Draft, index: int, beat: int, name: str) -> None:
    """Refuses an end that a segment can't have; `name` is the field that asks for it."""
    after = index + 1
    if after == len(draft):
        raise Refused(f"{name}: the video ends with the last segment; its OUT can't be moved")
    if beat != draft.axis.slots[after].beat:
        draft.axis.check_new(index, beat, after + 1)


def roll(draft: Draft, edit: RollCut) -> None:
    """Moves a cut; both neighbours show at each moment what they would have."""
    index = draft.check(edit.segment_index)
    if index == 0:
        raise Refused("segment_index: no cut comes before the first segment; 1 or more")
    context, axis = draft.context, draft.axis
    beat = context.beats.target(edit.to, "to")
    if beat == axis.slots[index].beat:
        return
    frame = axis.check_new(index - 1, beat, index + 1)
    shot = draft.shot(index).copy()
    if shot.is_clip:
        missing = shift(shot, context, frame - draft.begin(index))
        if missing:
            have = draft.shot(index).segment.source_in_us
            raise Refused(
                f"to: the clip of segment {index} has only {seconds(have)} before its first frame, "
                f"{seconds(missing)} too little for beat {beat}; trim it instead, or roll less far"
            )
    draft.shots[index] = shot
    axis.move(index, beat)
    draft.refit(index)
