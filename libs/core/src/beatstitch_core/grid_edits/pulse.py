"""Beats and the bars over them, while they are being corrected.

Bars are kept as anchors: beats that are known to begin a bar. From each anchor bars are counted on
by the metre to the next one; what is left before it is a bar of its own, or, a single beat, goes to
the bar before. Before the first anchor it is counted backwards. So adding a beat makes one bar
longer instead of moving all later downbeats.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from beatstitch.v1.beat_grid_pb2 import BeatGrid


@dataclass
class Pulse:
    """Beats and bars.

    Attributes:
        times: Of the beats in microseconds, strictly increasing.
        trust: How sure each is, 0 to 1.
        anchors: Times of beats that begin a bar for sure, in order.
        metre: Beats in a bar.
    """

    times: list[int]
    trust: list[float]
    anchors: list[int]
    metre: int

    @classmethod
    def heard(cls, grid: BeatGrid) -> Pulse:
        """The beats of a grid, with an anchor at each bar that the metre alone wouldn't find."""
        metre = max(1, grid.beats_per_bar)
        downs = [i for i, beat in enumerate(grid.beats) if beat.is_downbeat]
        anchors = downs[:1] + [b for a, b in pairwise(downs) if b - a != metre]
        times = [beat.time_us for beat in grid.beats]
        pulse = cls(times, [beat.confidence for beat in grid.beats], [], metre)
        pulse.anchor_only(times[i] for i in anchors)
        return pulse

    def anchor_only(self, times: Iterable[int]) -> None:
        """Begins bars at these beats, and counts the others; the first beat where none is left."""
        places = ((t, self.place_of(t)) for t in times)
        found = {t for t, place in places if place < len(self.times) and self.times[place] == t}
        self.anchors = sorted(found) or self.times[:1]

    def pin(self, index: int) -> None:
        """Keeps the first bar that begins at this beat or later where it is."""
        down = self.next_downbeat(index)
        if down is not None and not self.is_anchor(down):
            insort(self.anchors, self.times[down])

    def is_anchor(self, index: int) -> bool:
        """Whether a bar begins here for sure."""
        place = bisect_left(self.anchors, self.times[index])
        return place < len(self.anchors) and self.anchors[place] == self.times[index]

    def place_of(self, time_us: int) -> int:
        """Index of the first beat at this time or later."""
        return bisect_left(self.times, time_us)

    def nearest(self, time_us: int) -> int:
        """Index of the beat nearest to a time; the earlier of two."""
        return nearest(self.times, time_us)

    def next_downbeat(self, index: int) -> int | None:
        """Index of the first beat from this one on that begins a bar; None at the end."""
        if index >= len(self.times):
            return None
        place = bisect_right(self.anchors, self.times[index])
        after = self.place_of(self.anchors[place]) if place < len(self.anchors) else None
        if place == 0:
            first = self.place_of(self.anchors[0])
            return index + (first - index) % self.metre
        start = self.place_of(self.anchors[place - 1])
        found = start + -(-(index - start) // self.metre) * self.metre
        if after is not None and not _begins(found - start, after - start, self.metre):
            return after
        return found if found < len(self.times) else None

    def numbers(self) -> list[int]:
        """Place of each beat in its bar, from 1."""
        if not self.times:
            return []
        starts = [self.place_of(anchor) for anchor in self.anchors]
        found = [(i - starts[0]) % self.metre + 1 for i in range(starts[0])]
        for start, end in zip(starts, [*starts[1:], len(self.times)], strict=True):
            number, last = 0, end == len(self.times)
            for offset in range(end - start):
                whole = offset % self.metre == 0
                begins = whole and (last or _begins(offset, end - start, self.metre))
                number = 1 if begins else number + 1
                found.append(number)
        return found


def nearest(times: Sequence[int], time_us: int) -> int:
    """Index of the time nearest to another, in order; the earlier of two."""
    right = bisect_left(times, time_us)
    if right == 0:
        return 0
    if right == len(times):
        return right - 1
    return right if times[right] - time_us < time_us - times[right - 1] else right - 1


def _begins(offset: int, count: int, metre: int) -> bool:
    """Whether a bar begins `offset` (a multiple of the metre) beats after an anchor.

    `count` beats after it comes the next anchor; a bar of a single beat is none.
    """
    alone = count - offset == 1 and offset > 0 and metre > 1
    return offset < count and not alone
