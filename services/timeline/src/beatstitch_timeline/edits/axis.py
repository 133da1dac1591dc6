"""The slots on the song: where the cuts are, how each slot begins, which blows fall into it.

A slot knows nothing of pictures. Whatever moves a cut leaves the axis whole: transitions are as
long as their new neighbours allow, blows are where their rules put them.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch_core.edl.ways_in import CUTS
from beatstitch_timeline.edits.blows import blows, carried
from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.edits.slot import Place, Slot
from beatstitch_timeline.transitions import shortened

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Accent, Segment
    from beatstitch_timeline.edits.context import Context

_BEGIN = attrgetter("begin")


class Axis:
    """The slots, in order, without gap."""

    def __init__(self, segments: list[Segment], context: Context) -> None:
        self.slots = [Slot(segment) for segment in segments]
        self._context = context

    def __len__(self) -> int:
        return len(self.slots)

    def end_of(self, index: int) -> int:
        """One past a slot's last frame."""
        after = index + 1
        return self.slots[after].begin if after < len(self.slots) else self._context.end

    def frames(self, index: int) -> int:
        """A slot's length."""
        return self.end_of(index) - self.slots[index].begin

    def place(self, index: int) -> Place:
        """The room that a slot gives to a shot."""
        begin, after = self.slots[index].begin, index + 1
        if after == len(self.slots):
            return Place(self._context.end - begin, 0, last=True)
        following = self.slots[after]
        return Place(following.begin - begin, following.reaches, last=False)

    def starts_us(self, index: int) -> int:
        """Where on the song a slot begins."""
        slot = self.slots[index]
        return slot.time_us if slot.beat >= 0 else self._context.offset_us

    def at_frame(self, frame: int) -> int:
        """Index of the slot that a frame of the video is in."""
        return bisect_right(self.slots, frame, key=_BEGIN) - 1

    def at_beat(self, beat: int, name: str) -> tuple[int, int]:
        """Index of the slot that a beat is in, and the beat's frame.

        Raises:
            Refused: The beat lies outside the video.
        """
        frame = self._context.frame_of(beat)
        if not 0 <= frame < self._context.end:
            raise Refused(f"{name}: beat {beat} lies outside the part of the song that is heard")
        return self.at_frame(frame), frame

    def check_new(self, low: int, beat: int, high: int) -> int:
        """The frame of a cut that is to lie between two slots' cuts.

        Args:
            low: Index of the slot whose cut comes before.
            beat: Where the cut is to be.
            high: Index of the slot whose cut comes after; the number of slots for the video's end.

        Raises:
            Refused: It doesn't lie between them.
        """
        frame = self._context.frame_of(beat)
        begin, end = self.slots[low].begin, self.end_of(high - 1)
        before = self.slots[low].beat
        after = self.slots[high].beat if high < len(self.slots) else len(self._context.beats.times)
        if not (begin < frame < end and before < beat < after):
            raise Refused(
                f"beat {beat} (frame {frame}) does not lie between the cuts at frames {begin} and "
                f"{end}{self._allowed(begin, end, before, after)}"
            )
        return frame

    def _allowed(self, begin: int, end: int, before: int, after: int) -> str:
        frame_of = self._context.frame_of
        low, high = max(before + 1, 0), min(after, len(self._context.beats.times)) - 1
        while low <= high and frame_of(low) <= begin:
            low += 1
        while low <= high and frame_of(high) >= end:
            high -= 1
        if low > high:
            return "; no beat does"
        return f"; beat {low} does" if low == high else f"; beats {low} to {high} do"

    def insert(self, index: int, beat: int, way: Transition) -> None:
        """Cuts the slot before `index` in two at a beat that was checked."""
        self._loosen(index - 1, index)
        slot = Slot()
        self._put(slot, beat)
        slot.begin_with(way)
        # Blows that a person gave the whole slot stay on their beats in both parts.
        whole = self.slots[index - 1]
        slot.blows, slot.was, slot.by_rule = whole.blows, whole.was, whole.by_rule
        self.slots.insert(index, slot)
        self._settle(index - 1, index + 1)

    def remove(self, index: int, end: int) -> None:
        """Takes the cuts of slots `index` (1 or more) to `end` - 1 away."""
        if index < end:
            self._loosen(index - 1, end)
            del self.slots[index:end]
            self._settle(index - 1, index)

    def move(self, index: int, beat: int) -> None:
        """Moves a slot's cut to a beat that was checked."""
        self._loosen(index - 1, index + 1)
        self._put(self.slots[index], beat)
        self._settle(index - 1, index + 1)

    def set_way(self, index: int, way: Transition) -> None:
        """Gives a slot another way in, shortened to what its neighbours allow."""
        self.slots[index].begin_with(self._fitting(index, way))
        self.slots[index].home = None

    def set_blows(self, index: int, accents: list[Accent]) -> None:
        """Gives a slot other blows."""
        self.slots[index].blows = accents
        self.slots[index].home = None

    def forget_blows(self, index: int) -> None:
        """Gives a slot the blows that the settings say."""
        slot, rules = self.slots[index], self._context.settings.accents
        accents = blows(rules, self._context, slot.beat, slot.begin, self.end_of(index))
        self.set_blows(index, accents)

    def _put(self, slot: Slot, beat: int) -> None:
        slot.begin, slot.beat = self._context.frame_of(beat), beat
        slot.time_us, slot.rule = self._context.beats.times[beat], edl_pb2.CUT_RULE_GIVEN

    def _most(self, index: int) -> int:
        """How long the way into a slot may be in frames."""
        return min(self.frames(index - 1), self.frames(index)) // 2 if index else 0

    def _fitting(self, index: int, way: Transition) -> Transition:
        if index == 0:
            return Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
        before, after = self.frames(index - 1), self.frames(index)
        if way.type in CUTS or way.frames <= min(before, after) // 2:
            return way
        return shortened(way, before, after)

    def _wanted(self, index: int) -> Transition:
        """The way in that a slot would have with long neighbours.

        One that is as long as it may be was perhaps shortened; the settings tell from what.
        """
        way, most = self.slots[index].way, self._most(index)
        if not index or way.frames != most:
            return way
        usual = self._context.usual_way(self.slots[index].time_us)
        same = (usual.type, usual.align, usual.direction) == (way.type, way.align, way.direction)
        return usual if usual.frames > most and (same or most == 0) else way

    def _loosen(self, first: int, last: int) -> None:
        """Notes what slots would like to be, before cuts around them move."""
        for index in range(max(first, 0), min(last, len(self.slots) - 1) + 1):
            slot = self.slots[index]
            slot.was = slot.begin
            slot.begin_with(self._wanted(index))
            begin, end = slot.begin, self.end_of(index)
            slot.by_rule = slot.blows == blows(
                self._context.settings.accents, self._context, slot.beat, begin, end
            )

    def _settle(self, first: int, last: int) -> None:
        """Brings slots into order, after cuts around them have moved."""
        for index in range(max(first, 0), min(last, len(self.slots) - 1) + 1):
            slot = self.slots[index]
            slot.home = None
            slot.begin_with(self._fitting(index, slot.way))
            begin, end = slot.begin, self.end_of(index)
            if slot.by_rule:
                rules = self._context.settings.accents
                slot.blows = blows(rules, self._context, slot.beat, begin, end)
            else:
                slot.blows = carried(slot.blows, slot.was - begin, end - begin)
