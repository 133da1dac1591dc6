"""What a clip is like from moment to moment: motion, scene cuts, black and frozen stretches."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beatstitch.v1.asset_pb2 import TimeRange
    from beatstitch_timeline.choice.pool import Candidate

PERMILLE = 1000
MIDDLE = 500
CUT_PENALTY, MOST_CUTS = 200, 3
BLACK_PENALTY, FROZEN_PENALTY = 600, 300
_BYTES = range(256)


def motion_places(motions: Iterable[bytes]) -> bytes:
    """For each value of motion its place among all clips' motions, 0 to 255, as a table.

    A mean change of 8 is a lot in a film of a lake and nothing in one of a concert: what is busy
    and what is calm, the project's own clips decide.
    """
    whole = b"".join(motions)
    counts = [whole.count(bytes((value,))) for value in _BYTES]
    below = [0, *accumulate(counts)]
    both = max(1, 2 * len(whole))
    return bytes(255 * (2 * below[value] + counts[value]) // both for value in _BYTES)


class Material:
    """A clip, ready to be asked about any part of it.

    Args:
        candidate: The clip.
        places: From `motion_places`.
    """

    def __init__(self, candidate: Candidate, places: bytes) -> None:
        traits = candidate.media.traits
        self._step_us = traits.step_us
        moved = traits.motion.translate(places)
        self._moved = [0, *accumulate(moved)] if self._step_us > 0 else [0]
        self._cuts = sorted(traits.scene_cut_us)
        self._black = _Stretches(traits.black)
        self._frozen = _Stretches(traits.frozen)

    @property
    def is_plain(self) -> bool:
        """Whether no part of it is worse than another."""
        return not (self._cuts or self._black.edges or self._frozen.edges)

    def motion(self, begin_us: int, end_us: int) -> int:
        """How busy a part is in relation to all clips, in thousandths; 500 where not known."""
        last = len(self._moved) - 1
        if last < 1:
            return MIDDLE
        first = min(begin_us // self._step_us, last - 1)
        past = min(max(-(-end_us // self._step_us), first + 1), last)
        total = self._moved[past] - self._moved[first]
        return PERMILLE * total // (255 * (past - first))

    def scene_cuts(self, begin_us: int, end_us: int) -> int:
        """How many scenes begin inside a part; one that begins with it is none."""
        return max(0, bisect_left(self._cuts, end_us) - bisect_right(self._cuts, begin_us))

    def penalty(self, begin_us: int, end_us: int) -> int:
        """What speaks against showing a part: scene cuts inside, black, stillness; 0 or more."""
        length = max(1, end_us - begin_us)
        return (
            CUT_PENALTY * min(MOST_CUTS, self.scene_cuts(begin_us, end_us))
            + BLACK_PENALTY * self._black.inside_us(begin_us, end_us) // length
            + FROZEN_PENALTY * self._frozen.inside_us(begin_us, end_us) // length
        )

    def shots(self, begin_us: int, end_us: int) -> list[tuple[int, int]]:
        """The stretches between scene cuts, black and frozen stretches, inside a part."""
        inner = {*self._cuts, *self._black.edges, *self._frozen.edges}
        edges = [begin_us, *sorted(at for at in inner if begin_us < at < end_us), end_us]
        return list(pairwise(edges))


class _Stretches:
    """Stretches of time that don't overlap, ready to be measured."""

    def __init__(self, ranges: Sequence[TimeRange]) -> None:
        self.edges: list[int] = []
        for item in sorted(ranges, key=lambda item: item.start_us):
            start = max(item.start_us, self.edges[-1]) if self.edges else item.start_us
            if item.end_us > start:
                self.edges += [start, item.end_us]
        lengths = (
            self.edges[place + 1] - self.edges[place] for place in range(0, len(self.edges), 2)
        )
        self._before = [0, *accumulate(lengths)]

    def inside_us(self, begin_us: int, end_us: int) -> int:
        """How much of a part they cover."""
        return self._up_to(end_us) - self._up_to(begin_us)

    def _up_to(self, at_us: int) -> int:
        place = bisect_right(self.edges, at_us)
        covered = self._before[place // 2]
        return covered + (at_us - self.edges[place - 1] if place % 2 else 0)
