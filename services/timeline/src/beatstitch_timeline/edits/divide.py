"""Edits that cut segments in two and make one of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.edits.shots import goes_on

if TYPE_CHECKING:
    from beatstitch.v1.timeline_edit_pb2 import MergeSegments, SplitSegment
    from beatstitch_timeline.edits.draft import Draft
    from beatstitch_timeline.edits.shots import Shot


def split(draft: Draft, edit: SplitSegment) -> None:
    """Two segments that show what one showed."""
    axis = draft.axis
    beat = draft.context.beats.target(edit.at, "at")
    index, frame = axis.at_beat(beat, "at")
    if axis.slots[index].begin == frame:
        raise Refused(f"at: segment {index} begins on beat {beat} already")
    axis.check_new(index, beat, index + 1)
    draft.context.check_count(len(draft) + 1)
    draft.split(index, beat, Transition(type=edl_pb2.TRANSITION_TYPE_CUT))


def merge(draft: Draft, edit: MergeSegments) -> None:
    """The first one's picture over all; one that was split moves as it did before."""
    index, count = draft.check(edit.segment_index), edit.count
    most = len(draft) - index
    if not 2 <= count <= most:
        if most < 2:
            raise Refused(f"segment_index: segment {index} is the last, none follows it")
        raise Refused(f"count: must be 2 to {most} from segment {index} on, not {count}")
    whole = _joined(draft, index, count)
    del draft.shots[index + 1 : index + count]
    draft.axis.remove(index + 1, index + count)
    if whole is not None:
        # Whether it runs as the settings say is seen in the slot that it now has.
        ends_with_slot, whole.place = whole.ends_with_slot, draft.axis.place(index)
        whole.look(draft.context)
        whole.ends_with_slot = ends_with_slot
        draft.shots[index] = whole
    draft.refit(index)


def _joined(draft: Draft, index: int, count: int) -> Shot | None:
    """The shot that several neighbours were cut from; None where they were not."""
    whole = draft.shot(index).copy()
    for after in range(index + 1, index + count):
        other = draft.shot(after)
        if not goes_on(whole, other, draft.context):
            return None
        whole.place = whole.place._replace(frames=whole.place.frames + other.place.frames)
    return whole
