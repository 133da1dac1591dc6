"""A timeline while it is edited: slots on the song, and the shots in them.

Both are plain lists, so an edit costs what it touches. Shots that an edit moves to other slots are
brought to them only when somebody looks, or at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1.edl_pb2 import Cut, Edl, Segment
from beatstitch_core.timebase import frame_time_ms
from beatstitch_timeline.edits.axis import Axis
from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.edits.shots import Shot, cut_in_two

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Transition
    from beatstitch_timeline.edits.context import Context
    from beatstitch_timeline.edits.slot import Slot


class Draft:
    """A timeline while it is edited.

    Attributes:
        context: What it stands on.
        axis: The slots.
        shots: What they show, one for each.
    """

    def __init__(self, edl: Edl, context: Context) -> None:
        segments = list(edl.segments)
        self.context, self.axis = context, Axis(segments, context)
        self.shots = [Shot(item, self.axis.place(i)) for i, item in enumerate(segments)]
        self._edl = edl

    def __len__(self) -> int:
        return len(self.shots)

    def check(self, index: int, name: str = "segment_index") -> int:
        """A segment's index, as an edit says it.

        Raises:
            Refused: There is no such segment.
        """
        last = len(self.shots) - 1
        if not 0 <= index <= last:
            raise Refused(f"{name}: the timeline has segments 0 to {last}, not {index}")
        return index

    def shot(self, index: int) -> Shot:
        """A shot, its own and brought to its slot, to be looked at and changed."""
        shot, place = self.shots[index], self.axis.place(index)
        shot.take(self.context)
        if shot.place != place:
            shot.fit(self.context, place)
        return shot

    def refit(self, index: int) -> None:
        """Brings a shot to its slot after either was changed."""
        shot = self.shots[index]
        shot.fit(self.context, self.axis.place(index))
        shot.look(self.context)

    def split(self, index: int, beat: int, way: Transition) -> None:
        """Cuts a slot and its shot in two at a beat that was checked.

        Args:
            index: The slot.
            beat: Where.
            way: How the second begins.
        """
        shot = self.shot(index)
        rest = cut_in_two(shot, self.context, self.context.frame_of(beat) - self.begin(index))
        self.axis.insert(index + 1, beat, way)
        self.shots.insert(index + 1, rest)
        self.refit(index)
        self.refit(index + 1)

    def begin(self, index: int) -> int:
        """A slot's first frame."""
        return self.axis.slots[index].begin

    def finish(self) -> Edl:
        """The edited EDL."""
        edl = Edl()
        edl.CopyFrom(self._edl)
        del edl.segments[:]
        edl.segments.extend(self._segment(i) for i in range(len(self.shots)))
        for index, segment in enumerate(edl.segments):
            if segment.index != index:
                segment.index = index
        return edl

    def _segment(self, index: int) -> Segment:
        slot, shot = self.axis.slots[index], self.shots[index]
        place, segment = self.axis.place(index), Segment()
        if shot.place == place:
            if slot.home is shot.segment:
                return shot.segment
            segment.CopyFrom(shot.segment)
        else:
            segment.CopyFrom(shot.fit(self.context, place))
        home = slot.home
        if home is not None and home.timeline_out_frame - slot.begin == place.frames:
            _copy_slot(home, segment)
        else:
            self._lay(slot, segment, place.frames)
        return segment

    def _lay(self, slot: Slot, segment: Segment, frames: int) -> None:
        """Writes into a segment what its slot says."""
        rate, end = self.context.rate, slot.begin + frames
        segment.timeline_in_frame, segment.timeline_out_frame = slot.begin, end
        segment.timeline_in_ms = frame_time_ms(slot.begin, rate)
        segment.timeline_out_ms = frame_time_ms(end, rate)
        segment.render_duration_ms = segment.timeline_out_ms - segment.timeline_in_ms
        segment.cut.CopyFrom(Cut(beat_index=slot.beat, beat_time_us=slot.time_us, rule=slot.rule))
        segment.transition_in.CopyFrom(slot.way)
        del segment.accents[:]
        segment.accents.extend(slot.blows)


def _copy_slot(home: Segment, segment: Segment) -> None:
    """What `Draft._lay` writes, from the segment that was in the slot: nothing is worked out."""
    segment.timeline_in_frame = home.timeline_in_frame
    segment.timeline_out_frame = home.timeline_out_frame
    segment.timeline_in_ms = home.timeline_in_ms
    segment.timeline_out_ms = home.timeline_out_ms
    segment.render_duration_ms = home.render_duration_ms
    segment.cut.CopyFrom(home.cut)
    segment.transition_in.CopyFrom(home.transition_in)
    del segment.accents[:]
    segment.accents.extend(home.accents)
