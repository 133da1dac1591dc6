"""Which bins of a waveform answer a question, and how they become its buckets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatstitch.v1.waveform_pb2 import Waveform
from beatstitch_analyzer.waveform.file import Head, Level, Planes
from beatstitch_core.timebase import samples_at


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The bins to read, and where the buckets begin among them.

    Attributes:
        level: The coarsest one that is fine enough.
        first: First bin.
        last: One past the last bin; equal to `first` where there is nothing to read.
        begins: Of each bucket its first bin, counted from `first`.
        answer: The reply, all but its three planes.
    """

    level: Level
    first: int
    last: int
    begins: NDArray[np.int64]
    answer: Waveform


def plan_stretch(head: Head, start_us: int, end_us: int, buckets: int) -> Stretch:
    """Chooses the bins for a range of the song.

    Args:
        head: Of the file.
        start_us: First microsecond, ≥ 0.
        end_us: One past the last microsecond; 0 for the song's end.
        buckets: At least 1. Fewer are answered where one would be finer than the finest bin.
    """
    first = min(samples_at(start_us, head.sample_rate), head.samples)
    last = min(samples_at(end_us, head.sample_rate), head.samples) if end_us else head.samples
    finest = head.levels[0]
    per_bucket = max((last - first) / buckets, float(finest.samples_per_bin))
    answer = Waveform(
        start_us=start_us,
        end_us=start_us,
        samples_per_bucket=per_bucket,
        sample_rate=head.sample_rate,
    )
    if last <= first:
        return Stretch(finest, 0, 0, np.zeros(0, np.int64), answer)
    answer.end_us = round(last * 1_000_000 / head.sample_rate)
    level = max(
        (item for item in head.levels if item.samples_per_bin <= per_bucket),
        key=lambda item: item.samples_per_bin,
    )
    edges = first + np.arange(int(np.ceil((last - first) / per_bucket - 1e-9))) * per_bucket
    begins = np.minimum((edges // level.samples_per_bin).astype(np.int64), level.bins - 1)
    end = min(-(-last // level.samples_per_bin), level.bins)
    return Stretch(level, int(begins[0]), end, begins - begins[0], answer)


def fill(stretch: Stretch, planes: Planes) -> Waveform:
    """The answer, from the bins that `stretch` names."""
    if stretch.last == stretch.first:
        return stretch.answer
    begins = stretch.begins
    lengths = np.maximum(np.diff(np.append(begins, stretch.last - stretch.first)), 1)
    squares = planes.rms.astype(np.float64) ** 2
    rms = np.sqrt(np.add.reduceat(squares, begins) / lengths)
    stretch.answer.min = np.minimum.reduceat(planes.low, begins).tobytes()
    stretch.answer.max = np.maximum.reduceat(planes.high, begins).tobytes()
    stretch.answer.rms = np.round(rms).astype(np.int8).tobytes()
    return stretch.answer
