"""Evens out beats of a drifting tempo: players' notes jitter, their pulse does not."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import Doubles

_REACH = 8
_MIN_BEATS = 5
_NOISE_S = 0.012
_FAITH_S = 0.025


def even_out(times: Doubles, weights: Doubles) -> Doubles:
    """Each beat from the parabola through its neighbours, near ones first.

    A line would be late where the tempo slows down. A beat that lies far from the curve (the tempo
    jumps, or the curve is no good) stays where it is.

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
            curve = np.polyfit(steps, span, 2, w=np.sqrt(trust))
            off = np.abs(span - np.polyval(curve, steps))
            trust = near * (weights[begin:end] + 0.2) / (1 + (off / _NOISE_S) ** 2)
        if abs(curve[-1] - times[centre]) < _FAITH_S:
            smooth[centre] = curve[-1]
    return smooth if np.all(np.diff(smooth) > 0) else times
