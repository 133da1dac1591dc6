"""How loud the song is over each segment, in relation to the other segments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch_timeline.rules import Span

PERMILLE = 1000


def ranks(spans: Sequence[Span], grid: BeatGrid, start_us: int) -> list[int]:
    """Each segment's place from the quietest to the loudest, in thousandths.

    A rank and not the energy itself: a song whose choruses are all near its loudest beat still has
    quiet and loud segments. Equal energies share the middle of their places, so a song without
    energies is 500 everywhere.

    Args:
        spans: The segments.
        grid: The song's beats.
        start_us: Where in the song the video begins.
    """
    energies = _energies(spans, grid, start_us)
    return middle_ranks(energies)


def middle_ranks(values: Sequence[int]) -> list[int]:
    """Each value's middle place among all, in thousandths of their number."""
    ordered = sorted(values)
    both = 2 * len(ordered)
    return [
        PERMILLE * (bisect_left(ordered, value) + bisect_right(ordered, value)) // both
        for value in values
    ]


def _energies(spans: Sequence[Span], grid: BeatGrid, start_us: int) -> list[int]:
    """Mean energy of each segment's beats in millionths."""
    times = [beat.time_us for beat in grid.beats]
    sums = [0, *accumulate(_millionths(beat.energy) for beat in grid.beats)]
    starts = [
        start_us if span.cut.rule == edl_pb2.CUT_RULE_START else span.cut.beat_time_us
        for span in spans
    ]
    ends = [*starts[1:], times[-1] + 1 if times else start_us]
    energies = []
    for start, end in zip(starts, ends, strict=True):
        first, past = bisect_left(times, start), bisect_left(times, end)
        if first >= past:  # no beat of its own: the one before goes on
            first = max(0, min(first, len(times)) - 1)
            past = min(first + 1, len(times))
        energies.append((sums[past] - sums[first]) // max(1, past - first))
    return energies


def _millionths(energy: float) -> int:
    """An energy of 0 to 1; what is no number is 0."""
    return round(min(energy, 1.0) * 1_000_000) if energy > 0 else 0
