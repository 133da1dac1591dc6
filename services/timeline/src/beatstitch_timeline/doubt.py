"""What to do with a song whose beats are not sure."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2, timeline_pb2
from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid
from beatstitch_core.bars import bars_of
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import US_PER_S, round_half_up, us_to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.timeline_pb2 import LowConfidencePolicy

CONFIDENT = 0.5
"""From this bpm_confidence on beats are taken as they are."""

LEAST_BPM, MOST_BPM = 10.0, 1_000.0
_METRE = 4


def beats_to_cut(
    grid: BeatGrid, song_us: int, policy: LowConfidencePolicy.ValueType
) -> Sequence[Beat]:
    """The beats to cut on.

    Args:
        grid: The song's beats.
        song_us: The song's length.
        policy: What to do when they are not sure; unspecified is WARN: the beats as they are.

    Raises:
        BeatStitchError: LOW_CONFIDENCE where the policy is FAIL.
    """
    if grid.bpm_confidence >= CONFIDENT:
        return grid.beats
    if policy == timeline_pb2.LOW_CONFIDENCE_POLICY_FAIL:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_LOW_CONFIDENCE,
            f"the song's beats are not sure ({grid.bpm_confidence:.2f}); correct them, or choose "
            "another on_low_confidence",
            metadata={"bpm_confidence": f"{grid.bpm_confidence:.4f}", "needed": str(CONFIDENT)},
        )
    if policy == timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID:
        return even_beats(grid, song_us)
    return grid.beats


def grid_to_cut(grid: BeatGrid, song_us: int, policy: LowConfidencePolicy.ValueType) -> BeatGrid:
    """The grid with the beats to cut on, and the song's form; see `beats_to_cut`.

    On an even grid sections meet on the beats next to where they were heard to meet.
    """
    beats = beats_to_cut(grid, song_us, policy)
    if beats is grid.beats:
        return grid
    even = BeatGrid(beats_per_bar=grid.beats_per_bar, duration_us=song_us, bpm=grid.bpm)
    even.bpm_confidence = grid.bpm_confidence
    even.beats.extend(beats)
    even.bars.extend(bars_of(even.beats, song_us))
    even.sections.extend(grid.sections)
    times = [beat.time_us for beat in beats]
    for before, after in pairwise(even.sections):
        before.end_us = after.start_us = _nearest(times, after.start_us)
    return even


def _nearest(times: Sequence[int], time_us: int) -> int:
    """The nearest of increasing times, the earlier of two; the time itself where there are none."""
    right = bisect_right(times, time_us)
    return min(
        times[max(0, right - 1) : right + 1], key=lambda t: abs(t - time_us), default=time_us
    )


def even_beats(grid: BeatGrid, song_us: int) -> list[Beat]:
    """Beats of the song's tempo from the first beat to the song's end.

    Each is as loud as the heard beat that it lies in. A song without beats or without a usable
    tempo keeps what it has.
    """
    if not grid.beats or not LEAST_BPM <= grid.bpm <= MOST_BPM:
        return list(grid.beats)
    period = Fraction(60 * US_PER_S) / Fraction(grid.bpm)
    first, metre = grid.beats[0], grid.beats_per_bar or _METRE
    heard = [beat.time_us for beat in grid.beats]
    beats: list[Beat] = []
    while (time_us := first.time_us + round_half_up(len(beats) * period)) < song_us:
        number = (max(1, first.beat_number) - 1 + len(beats)) % metre + 1
        beats.append(
            Beat(
                time_us=time_us,
                time_ms=us_to_ms(time_us),
                beat_number=number,
                is_downbeat=number == 1,
                energy=grid.beats[max(0, bisect_right(heard, time_us) - 1)].energy,
            )
        )
    return beats
