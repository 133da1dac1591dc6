"""Where a song becomes another: novelty along the diagonal of the bars' self-similarity.

A border is where the bars before differ from the bars after, both being alike among themselves: the
tapered checkerboard kernel of Foote, "Automatic audio segmentation using a measure of audio
novelty" (ICME 2000). Only the blocks that the kernel touches are computed, so that memory grows
with the bars, not with their square.
"""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import Doubles, Ints

_KERNELS_BARS = (2, 4, 8)
_SHORTEST_BARS = (2, 4)
_BARS_PER_SHORTEST = 16
_TAPER = 0.8
_NOVELTY = 0.3
_SAMPLE = 1000


def likeness(rows: Doubles, others: Doubles, spread: float) -> Doubles:
    """How alike each two bars are, 0 to 1.

    Args:
        rows: Features, (n, f).
        others: Features, (m, f).
        spread: Squared distance at which they are 1 / e alike; see `usual_distance`.

    Returns:
        (n, m).
    """
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    distance = np.maximum(squares - 2 * rows @ others.T, 0)
    alike: Doubles = np.exp(-distance / spread)
    return alike


def usual_distance(bars: Doubles) -> float:
    """The median squared distance of two bars, of at most a thousand of them; > 0."""
    some = bars[:: -(-len(bars) // _SAMPLE)]
    squares = (some**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * some @ some.T
    return max(float(np.median(distance)), 1e-9)


def find_borders(bars: Doubles, spread: float) -> Ints:
    """Bars at which sections begin, and one past the last bar.

    Args:
        bars: Features, (n, f).
        spread: See `usual_distance`.

    Returns:
        0, inner borders, n; ascending. Sections last at least two bars, in long songs four.
    """
    count = len(bars)
    shortest = int(np.clip(count // _BARS_PER_SHORTEST, *_SHORTEST_BARS))
    novelty = np.zeros(count)
    for bar in range(shortest, count - shortest + 1):
        novelty[bar] = _novelty_at(bars, bar, spread)
    peak = novelty >= np.maximum(np.append(novelty[1:], 0), np.append(0, novelty[:-1]))
    novelty *= peak
    chosen = [0, count]
    for bar in np.argsort(-novelty, kind="stable"):
        if novelty[bar] < _NOVELTY:
            break
        if all(abs(int(bar) - other) >= shortest for other in chosen):
            chosen.append(int(bar))
    return np.array(sorted(chosen), np.int64)


def _novelty_at(bars: Doubles, bar: int, spread: float) -> float:
    """How much the bars before differ from those after, by the kernel that sees it best."""
    reach = min(_KERNELS_BARS[-1], bar, len(bars) - bar)
    around = bars[bar - reach : bar + reach]
    alike = likeness(around, around, spread)
    best = 0.0
    for kernel in {min(kernel, reach) for kernel in _KERNELS_BARS}:
        near = np.exp(-0.5 * ((np.arange(kernel) + 0.5) / (_TAPER * kernel)) ** 2)
        near /= near.sum()
        back = near[::-1]
        before, after = slice(reach - kernel, reach), slice(reach, reach + kernel)
        within = back @ alike[before, before] @ back + near @ alike[after, after] @ near
        best = max(best, float(within / 2 - back @ alike[before, after] @ near))
    return best
