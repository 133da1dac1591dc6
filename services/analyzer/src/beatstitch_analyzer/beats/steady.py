"""Tells a constant tempo from a drifting one and lays constant beats on one exact line.

A tracker that slips to the off-beat or to double tempo for a few bars of a song with a constant
tempo is overruled by the rest of the song; a song whose tempo drifts or jumps is left as it was
tracked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beatstitch_analyzer.beats.model import Doubles, Ints

STEADY_RESIDUAL_S = 0.015
"""Beats whose smoothed distance from a line stays below this are of constant tempo."""

_SMOOTH = 9
_MIN_BEATS = 9
_SAME_INTERVAL = 0.06
_ON_LINE_S = 0.03
_MIN_SHARE = 0.75
_ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Beat i is at offset + period × i.

    Attributes:
        offset: Seconds.
        period: Seconds.
        index: Of each beat that was given; the same index twice where a tracker counted double.
        on_line: Which of the given beats lie on the line.
    """

    offset: float
    period: float
    index: Ints
    on_line: Ints

    @property
    def bpm(self) -> float:
        """Beats per minute."""
        return 60.0 / self.period


def fit_line(times: Doubles, weights: Doubles) -> Line | None:
    """The line under beats of constant tempo.

    Args:
        times: Beats in seconds, ascending.
        weights: Trust in each, ≥ 0.

    Returns:
        The line, or None where the tempo drifts, jumps, or there are too few beats to tell.
    """
    if len(times) < _MIN_BEATS:
        return None
    begin, end = _longest_even_run(times)
    if end - begin < _MIN_BEATS:
        return None
    period, offset = _fit(np.arange(end - begin), times[begin:end], weights[begin:end])
    for _ in range(_ROUNDS):
        # Grows outwards from the run: far beats only count once the period is known well enough.
        index = np.round((times - offset) / period).astype(np.int64)
        residual = np.abs(times - offset - period * index)
        known = index[np.arange(len(times))[begin:end]]
        span = max(int(known[-1] - known[0]), 1)
        reach = (index >= known[0] - span) & (index <= known[-1] + span)
        on_line = reach & (residual < _ON_LINE_S)
        chosen = np.flatnonzero(on_line)
        if len(chosen) < _MIN_BEATS:
            return None
        begin, end = int(chosen[0]), int(chosen[-1]) + 1
        period, offset = _fit(index[on_line], times[on_line], weights[on_line])
    index = np.round((times - offset) / period).astype(np.int64)
    signed = times - offset - period * index
    chosen = np.flatnonzero(np.abs(signed) < _ON_LINE_S)
    line = Line(float(offset), float(period), index, chosen)
    return line if _convinces(line, signed[chosen]) else None


def _longest_even_run(times: Doubles) -> tuple[int, int]:
    """First and one past the last beat of the longest stretch of equal intervals."""
    intervals = np.diff(times)
    even = np.abs(intervals / np.median(intervals) - 1) < _SAME_INTERVAL
    edges = np.flatnonzero(np.diff(np.concatenate(([0], even.astype(np.int8), [0]))))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    begin, end = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(begin), int(end) + 1


def _fit(index: Ints, times: Doubles, weights: Doubles) -> tuple[float, float]:
    """Period and offset by Huber's regression: early or late notes don't tilt the line."""
    base = weights + 1e-3
    trust = base
    period, offset = 0.0, 0.0
    for _ in range(6):
        period, offset = np.polyfit(index, times, 1, w=np.sqrt(trust))
        residual = np.abs(times - offset - period * index)
        trust = base * np.minimum(1, 0.005 / np.maximum(residual, 1e-6))
    return float(period), float(offset)


def _convinces(line: Line, signed: Doubles) -> bool:
    """Whether enough of the song lies on the line, and does not wander around it."""
    if len(signed) < _MIN_BEATS:
        return False
    expected = int(line.index[-1] - line.index[0]) + 1
    found = len(np.unique(line.index[line.on_line]))
    if found < _MIN_SHARE * expected or found < _MIN_SHARE * 0.6 * len(line.index):
        return False
    # Only whole windows: at the ends one stray beat would be its own median.
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(signed, _SMOOTH), axis=1)
    return bool(np.max(np.abs(smooth)) < STEADY_RESIDUAL_S)


def lay_out(line: Line, numbers: Ints, beats_per_bar: int, end: float) -> tuple[Doubles, Ints]:
    """Exactly regular beats over the stretch in which beats were found.

    Args:
        line: The line.
        numbers: Place in the bar of each beat that was found.
        beats_per_bar: The metre.
        end: Last moment a beat may have, in seconds.

    Returns:
        Times and places in the bar, with what was missed filled in.
    """
    index = np.arange(line.index[0], line.index[-1] + 1)
    times = line.offset + line.period * index
    phases = (numbers - 1 - line.index)[line.on_line] % beats_per_bar
    phase = int(np.bincount(phases, minlength=beats_per_bar).argmax())
    inside = (times >= 0) & (times <= end)
    return times[inside], ((index + phase) % beats_per_bar + 1)[inside]
