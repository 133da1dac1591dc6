"""What follows from a grid's beats alone: its bars and the curve of its tempo.

Both read the documents, so that they hold for beats as heard and for corrected ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from beatstitch.v1.beat_grid_pb2 import Bar, Beat, TempoPoint
from beatstitch_core.timebase import US_PER_MINUTE


def bars_of(beats: Sequence[Beat], duration_us: int) -> list[Bar]:
    """The bars of a song, the last one to its end; beats before the first downbeat are in none.

    A bar's energy is the RMS of its beats' energies, weighted by their lengths, in relation to the
    loudest bar. The last beat counts as long as the one before, whatever rings on.
    """
    times = [beat.time_us for beat in beats]
    lengths = [after - before for before, after in pairwise(times)] or [1]
    lengths.append(lengths[-1])
    powers = [beat.energy**2 * length for beat, length in zip(beats, lengths, strict=False)]
    first = [index for index, beat in enumerate(beats) if beat.is_downbeat]
    loud = [
        sqrt(sum(powers[begin:end]) / sum(lengths[begin:end]))
        for begin, end in pairwise([*first, len(times)])
    ]
    loudest = max(loud, default=0.0)
    edges = [times[index] for index in first] + [duration_us]
    return [
        Bar(
            start_us=start,
            end_us=end,
            first_beat_index=index,
            energy=round(energy / loudest, 4) if loudest else 0.0,
        )
        for index, energy, (start, end) in zip(first, loud, pairwise(edges), strict=True)
        if end > start
    ]


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
        bpm = round(US_PER_MINUTE * (end - begin) / length_us, 6)
        points.append(TempoPoint(time_us=beats[begin].time_us, bpm=bpm))
    if points:  # the last bar has no next one: the tempo stays
        points.append(TempoPoint(time_us=beats[marks[-1]].time_us, bpm=points[-1].bpm))
    return points
