"""The song's beats as rules see them: when, in which frame, where in the bar, how loud."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_core.timebase import frame_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch_timeline.rules.span import Trim

PERMILLE = 1_000
_METRE = 4


class Beats(NamedTuple):
    """A song's beats, one entry each; integers only.

    Attributes:
        times_us: From the song's first sample, strictly increasing.
        frames: Of the video, round(time × fps) on the absolute axis; below 0 before it begins.
        places: In the bar, from 1.
        energy: Loudness in thousandths, 0 to 1000.
    """

    times_us: Sequence[int]
    frames: Sequence[int]
    places: Sequence[int]
    energy: Sequence[int]

    def within(self, trim: Trim) -> range:
        """Indices of the beats inside the trim; one on its end is outside."""
        return range(
            bisect_left(self.times_us, trim.start_us), bisect_left(self.times_us, trim.end_us)
        )


def beats_of(grid: BeatGrid, start_us: int, rate: Rational) -> Beats:
    """The beats of a grid.

    Args:
        grid: The beats, times strictly increasing.
        start_us: Where in the song the video begins.
        rate: Frames per second.
    """
    return Beats(
        times_us=[beat.time_us for beat in grid.beats],
        frames=[frame_at(beat.time_us - start_us, rate) for beat in grid.beats],
        places=bar_places(grid.beats, grid.beats_per_bar or _METRE),
        energy=[permille(beat.energy) for beat in grid.beats],
    )


def bar_places(beats: Sequence[Beat], metre: int) -> list[int]:
    """Each beat's place in its bar, from 1.

    Where a grid doesn't say, beats are counted from the downbeat before (or towards the first one),
    and from the first beat in a grid without downbeats.
    """
    first = next((i for i, beat in enumerate(beats) if _begins_bar(beat)), 0)
    # The bar that the first beats are in may have begun before the song did.
    start = first % metre - metre
    places: list[int] = []
    for i, beat in enumerate(beats):
        if _begins_bar(beat):
            start = i
            places.append(1)
        else:
            places.append(beat.beat_number or (i - start) % metre + 1)
    return places


def permille(share: float) -> int:
    """A share of 0 to 1 in thousandths; what is no number is 0."""
    if not share > 0:
        return 0
    above, below = min(share, 1.0).as_integer_ratio()
    return (2 * PERMILLE * above + below) // (2 * below)


def _begins_bar(beat: Beat) -> bool:
    return beat.is_downbeat or beat.beat_number == 1
