"""What follows from a grid's beats alone: bars, the tempo's curve, the exact line of a steady one.

Everything reads and writes the documents, so that it holds for edited beats as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from beatstitch.v1.beat_grid_pb2 import Bar, Beat, ConstantTempo, TempoPoint
from beatstitch_analyzer.structure.dynamics import relative

_US_PER_MINUTE = 60_000_000
_ON_LINE_US = 1.0


def bars_of(beats: Sequence[Beat], duration_us: int) -> list[Bar]:
    """The bars of a song; the beats before the first downbeat belong to none.

    A bar's energy is the RMS of its beats' energies, weighted by their lengths; the last beat
    counts as long as the one before, whatever rings on.
    """
    first = [index for index, beat in enumerate(beats) if beat.is_downbeat]
    if not first:
        return []
    times = np.array([beat.time_us for beat in beats], np.float64)
    lengths = np.diff(times)
    lengths = np.append(lengths, lengths[-1] if len(lengths) else 1.0)
    power = np.array([beat.energy for beat in beats]) ** 2 * lengths
    per_bar = np.add.reduceat(power, first) / np.add.reduceat(lengths, first)
    energy = relative(np.sqrt(per_bar))
    edges = [beats[index].time_us for index in first] + [duration_us]
    return [
        Bar(start_us=start, end_us=end, first_beat_index=index, energy=round(float(e), 4))
        for index, e, (start, end) in zip(first, energy, pairwise(edges), strict=True)
        if end > start
    ]


def constant_tempo_of(
    beats: Sequence[Beat], bpm: float, first_beat_s: float
) -> ConstantTempo | None:
    """The line that the beats lie on to the microsecond; None where one lies beside it.

    Args:
        beats: In order of time.
        bpm: Beats per minute, exact.
        first_beat_s: The line's first beat in seconds.
    """
    tempo = ConstantTempo(bpm=bpm, first_beat_us=first_beat_s * 1e6)
    line = tempo.first_beat_us + np.arange(len(beats)) * (_US_PER_MINUTE / bpm)
    off = np.abs(line - [beat.time_us for beat in beats])
    return tempo if float(off.max(initial=0.0)) <= _ON_LINE_US else None


def tempo_curve_of(
    beats: Sequence[Beat], steady_bpm: float | None, duration_us: int
) -> list[TempoPoint]:
    """One point a bar: the tempo from its downbeat to the next; two equal ones when it is steady.

    Args:
        beats: In order of time.
        steady_bpm: The tempo where it is steady.
        duration_us: Of the song.

    Returns:
        Points in order of time; empty where there are fewer than two beats and no steady tempo.
    """
    if steady_bpm is not None:
        return [TempoPoint(time_us=at, bpm=round(steady_bpm, 6)) for at in (0, duration_us)]
    marks = [index for index, beat in enumerate(beats) if beat.is_downbeat]
    if len(marks) < 2:
        marks = [0, len(beats) - 1] if len(beats) > 1 else []
    points = []
    for begin, end in pairwise(marks):
        length_us = beats[end].time_us - beats[begin].time_us
        bpm = round(_US_PER_MINUTE * (end - begin) / length_us, 6)
        points.append(TempoPoint(time_us=beats[begin].time_us, bpm=bpm))
    if points:  # The last bar has no next one: the tempo stays.
        points.append(TempoPoint(time_us=beats[marks[-1]].time_us, bpm=points[-1].bpm))
    return points
