"""Evens out beats of a drifting tempo: players' notes jitter, their pulse does not."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import Doubles

_REACH = 4
_MIN_BEATS = 5
_NOISE_S = 0.012
_FAITH_S = 0.025


def even_out(times: Doubles, weights: Doubles) -> Doubles:
    """Each beat from the line through its neighbours, near ones first.

    A beat that lies far from that line (the tempo jumps, or the line is no good) stays where it is.

    Args:
        times: Beats in seconds, ascending; (n,).
        weights: Trust in each, ≥ 0; (n,).

    Returns:
        Strictly ascending times, (n,).
    """
    count = len(times)
    if count < _MIN_BEATS:
        return times
    smooth = times.copy()
    for centre in range(count):
        begin, end = max(0, centre - _REACH), min(count, centre + _REACH + 1)
        steps = np.arange(begin, end) - centre
        near = (1 - np.abs(steps / (_REACH + 1)) ** 3) ** 3
        trust = near * (weights[begin:end] + 0.2)
        span = times[begin:end]
        for _ in range(3):
            slope, at = np.polyfit(steps, span, 1, w=np.sqrt(trust))
            off = np.abs(span - at - slope * steps)
            trust = near * (weights[begin:end] + 0.2) / (1 + (off / _NOISE_S) ** 2)
        if abs(at - times[centre]) < _FAITH_S:
            smooth[centre] = at
    return smooth if np.all(np.diff(smooth) > 0) else times
