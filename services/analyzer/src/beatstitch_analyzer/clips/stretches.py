"""Stretches of a clip that are black, and stretches in which nothing moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from beatstitch.v1.asset_pb2 import TimeRange
from beatstitch_analyzer.clips.series import Series, part_distances

_BLACK_SHARE = 0.98
_LEAST_BLACK_US = 100_000
_LEAST_FROZEN_US = 500_000
# Change of the luma of a part of the picture from the stretch's first frame, of 255. Coding at
# usual quality changes a still part by less than 2.
_STILL = 4.0
MAX_STRETCHES = 20


def find_black(series: Series, duration_us: int) -> list[TimeRange]:
    """Where 98 % of the pixels are black for a tenth of a second or more."""
    black = [share >= _BLACK_SHARE for share in series.black]
    return _ranges(_runs(black), series, duration_us, _LEAST_BLACK_US)


def find_frozen(series: Series, duration_us: int) -> list[TimeRange]:
    """Where no part of the picture moves away from how it was, for half a second or more.

    Each frame is compared with the stretch's first one, so that slow motion is motion.
    """
    return _ranges(_still_runs(series.signatures), series, duration_us, _LEAST_FROZEN_US)


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First index and one past the last of each run of True."""
    start = None
    for index, flag in enumerate(flags):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(flags)


def _still_runs(signatures: Sequence[NDArray[np.uint8]]) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(signatures)):
        if _moved(signatures[start], signatures[index]):
            yield start, index
            start = index
    if signatures:
        yield start, len(signatures)


def _moved(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether any part differs."""
    return bool(part_distances(one, other).max() >= _STILL)


def _ranges(
    runs: Iterator[tuple[int, int]], series: Series, duration_us: int, least_us: int
) -> list[TimeRange]:
    """The longest runs, in order of time."""
    ends = [*series.times_us[1:], max(duration_us, series.times_us[-1])] if len(series) else []
    found = [(series.times_us[first], ends[last - 1]) for first, last in runs]
    long = [(start, end) for start, end in found if end - start >= least_us]
    kept = sorted(sorted(long, key=lambda run: run[0] - run[1])[:MAX_STRETCHES])
    return [TimeRange(start_us=start, end_us=end) for start, end in kept]
