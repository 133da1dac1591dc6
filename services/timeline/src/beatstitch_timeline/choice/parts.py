"""Which part of a clip a segment shows, where parts differ: scene cuts, black, stillness, motion.

Of a clip's longest shots some in-points are held against each other. Only those are looked at that
the least speaks against; of them the one is taken whose motion suits best, and of equal ones the
next after what was shown last. What has been shown more often than others costs, so that a clip's
best seconds don't come again and again.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_timeline.choice.sources import Source, place, room

if TYPE_CHECKING:
    from beatstitch_timeline.choice.material import Material
    from beatstitch_timeline.choice.needs import Need
    from beatstitch_timeline.choice.pool import Candidate

MOST_SHOTS, MOST_PARTS = 32, 64
SHOWN_COST = 250
_CELLS = 256


class Part(NamedTuple):
    """A part of a clip, and what it is like.

    Attributes:
        source: The part.
        penalty: What speaks against it; see `Material.penalty`.
        motion: How busy it is, in thousandths.
    """

    source: Source
    penalty: int
    motion: int


class Offer(NamedTuple):
    """The best that a clip has for a need.

    Attributes:
        penalty: What speaks against its best parts.
        motions: How busy they are, in order.
    """

    penalty: int
    motions: list[int]

    def mismatch(self, loudness: int) -> int:
        """How far the best match is from a segment's loudness, 0 to 1000."""
        place = bisect_left(self.motions, loudness)
        near = self.motions[max(0, place - 1) : place + 1]
        return min(abs(motion - loudness) for motion in near)


class Clip:
    """A clip's parts, and which of them have been shown.

    Args:
        candidate: The clip, of which something may be shown.
        material: What it is like; None where all parts are as good as another.
        avoid: Whether scene cuts, black and stillness are avoided.
    """

    def __init__(self, candidate: Candidate, material: Material | None, *, avoid: bool) -> None:
        self._begin, self._end = candidate.begin_us, candidate.end_us
        self._material, self._avoid = material, avoid
        self._resume = self._begin
        self._shown = [0] * _CELLS
        self.parts = lru_cache(maxsize=256)(self._parts)
        """The parts that the least speaks against, for a need, in order; at least one."""

    def take(self, need: Need, loudness: int | None) -> Source:
        """The part for the next segment.

        Args:
            need: What the segment shows.
            loudness: Of the segment in thousandths where motion is matched to it, else None.
        """
        if self._material is None:
            source = place(self._resume, room(self._begin, self._end, need))
        else:
            source = self._best(need, loudness)
        self._resume = source.out_us
        self._shown[self._cell(source)] += 1
        return source

    def offer(self, need: Need) -> Offer:
        """The best that it has for a need, whatever was shown before."""
        parts = self.parts(need)
        return Offer(parts[0].penalty, sorted(part.motion for part in parts))

    def _best(self, need: Need, loudness: int | None) -> Source:
        parts = self.parts(need)
        shown = [self._shown[self._cell(part.source)] for part in parts]
        least = min(shown)

        def key(item: tuple[Part, int]) -> tuple[int, bool, int]:
            part, times = item
            cost = 0 if loudness is None else abs(part.motion - loudness) // 2
            cost += SHOWN_COST if times > least else 0
            return cost, part.source.in_us < self._resume, part.source.in_us

        return min(zip(parts, shown, strict=True), key=key)[0].source

    def _cell(self, source: Source) -> int:
        middle = (source.in_us + source.out_us) // 2 - self._begin
        return min(_CELLS - 1, _CELLS * middle // (self._end - self._begin))

    def _parts(self, need: Need) -> list[Part]:
        material = self._material
        space = room(self._begin, self._end, need)
        if material is None:
            source = Source(space.first_in_us, space.first_in_us + space.length_us)
            return [Part(source, 0, 500)]
        parts = []
        for begin in self._ins(need, material):
            source = Source(begin, begin + space.length_us)
            seen_from = max(self._begin, begin - need.head_us)
            penalty = material.penalty(seen_from, source.out_us) if self._avoid else 0
            parts.append((penalty, source))
        least = min(penalty for penalty, _ in parts)
        return [
            Part(source, penalty, material.motion(*source))
            for penalty, source in parts
            if penalty == least
        ]

    def _ins(self, need: Need, material: Material) -> list[int]:
        """In-points, in order: as many as a shot has room for, evenly spread over it."""
        space = room(self._begin, self._end, need)
        shots = [(self._begin, self._end)]
        if self._avoid:
            shots = material.shots(self._begin, self._end)
            shots = sorted(shots, key=lambda shot: (shot[0] - shot[1], shot[0]))[:MOST_SHOTS]
        ins: set[int] = set()
        seen = need.head_us + space.length_us
        each = max(1, MOST_PARTS // len(shots))
        for begin, end in shots:
            spare = max(0, end - begin - seen)
            count = min(each, 1 + spare // space.length_us)
            for k in range(count):
                at = begin + need.head_us + (spare * k // (count - 1) if count > 1 else 0)
                ins.add(min(max(at, space.first_in_us), space.last_in_us))
        return sorted(ins)
