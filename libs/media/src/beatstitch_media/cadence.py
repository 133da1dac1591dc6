"""Frame rate and length of a clip from its frames' time stamps; pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_COMMON_RATES = tuple(
    [Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)]
    + [Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120, 240)]
)
_SNAP = Fraction(1, 2000)
_VARIABLE_SHARE = 0.01
_MAX_DENOMINATOR = 1001
_FALLBACK_RATE = Fraction(25)


@dataclass(frozen=True)
class Cadence:
    """When a clip's frames are shown.

    Attributes:
        rate: Mean frame rate.
        variable: Whether the distance of frames varies by more than rounding.
        start: When the first frame is shown, in seconds of the file's clock.
        duration: From the first frame to the end of the last, in seconds.
        frames: How many there are.
    """

    rate: Fraction
    variable: bool
    start: Fraction
    duration: Fraction
    frames: int


def cadence(
    stamps: Sequence[int], time_base: Fraction, *, last_duration: int, nominal: Fraction | None
) -> Cadence:
    """Measures a clip.

    Args:
        stamps: Presentation stamps of all frames in any order, at least one.
        time_base: Their unit in seconds.
        last_duration: How long the last frame is shown by the file's word; 0 where it doesn't say.
        nominal: The rate that the file claims; taken where the stamps agree with it.
    """
    shown = sorted(set(stamps))
    steps = [after - before for before, after in itertools.pairwise(shown)]
    if not steps:
        rate = nominal or _FALLBACK_RATE
        length = last_duration * time_base or 1 / rate
        return Cadence(rate, False, shown[0] * time_base, length, 1)
    span = (shown[-1] - shown[0]) * time_base
    mean = len(steps) / span
    variable = _varies(steps, time_base, mean)
    rate = (
        mean.limit_denominator(_MAX_DENOMINATOR)
        if variable
        else _snapped(mean, nominal, tolerance=_SNAP + 2 * time_base / span)
    )
    # A single long step before the last frame says nothing about how long that one stays.
    last = last_duration * time_base
    if not 0 < last <= 10 / mean:
        last = 1 / rate
    length = span + last if variable else len(shown) / rate
    return Cadence(rate, variable, shown[0] * time_base, length, len(shown))


def _varies(steps: Sequence[int], time_base: Fraction, mean: Fraction) -> bool:
    """Whether more than a hundredth of the steps are off by more than rounding to the unit."""
    usual = 1 / (mean * time_base)
    allowed = max(Fraction(3, 2), usual / 10)
    off = sum(1 for step in steps if abs(step - usual) > allowed)
    return off > max(1, _VARIABLE_SHARE * len(steps)) or (len(steps) < 20 and off > 0)


def _snapped(mean: Fraction, nominal: Fraction | None, *, tolerance: Fraction) -> Fraction:
    """The claimed or else a common rate within the tolerance, else the mean as a small fraction."""
    if nominal in _COMMON_RATES and abs(nominal - mean) <= mean * tolerance:
        return nominal
    best = min(_COMMON_RATES, key=lambda rate: abs(rate - mean))
    if abs(best - mean) <= best * tolerance:
        return best
    return mean.limit_denominator(_MAX_DENOMINATOR)
