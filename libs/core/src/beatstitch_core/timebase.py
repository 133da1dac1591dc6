"""Frames, microseconds, milliseconds: exact, on the absolute axis, never as sums of rounded parts.

A frame rate is `Rational(num, den)` frames per second; den 0 is read as 1. Rounding is half up
(`floor(x + 1/2)`), in integers, so it is the same in every language.
"""

from __future__ import annotations

from fractions import Fraction

from beatstitch.v1.common_pb2 import Rational

US_PER_S = 1_000_000
US_PER_MINUTE = 60 * US_PER_S


def rate_fraction(rate: Rational) -> Fraction:
    """The rate as a fraction; frames per second.

    Raises:
        ValueError: The rate is not positive.
    """
    return Fraction(*_terms(rate))


def round_half_up(value: Fraction) -> int:
    """The nearest integer, halves upwards."""
    return _nearest(value.numerator, value.denominator)


def frame_at(time_us: int, rate: Rational) -> int:
    """The frame nearest to a time: round(t × fps).

    Raises:
        ValueError: The rate is not positive.
    """
    num, den = _terms(rate)
    return _nearest(time_us * num, US_PER_S * den)


def frame_time_us(frame: int, rate: Rational) -> int:
    """The time at which a frame is shown, in microseconds, rounded.

    Raises:
        ValueError: The rate is not positive.
    """
    num, den = _terms(rate)
    return _nearest(frame * US_PER_S * den, num)


def frame_time_ms(frame: int, rate: Rational) -> int:
    """The time at which a frame is shown, in milliseconds, rounded; for people.

    Raises:
        ValueError: The rate is not positive.
    """
    num, den = _terms(rate)
    return _nearest(frame * 1000 * den, num)


def us_to_ms(time_us: int) -> int:
    """Microseconds to milliseconds, rounded; for people."""
    return round_half_up(Fraction(time_us, 1000))


def samples_at(time_us: int, sample_rate: int) -> int:
    """The sample nearest to a time."""
    return round_half_up(Fraction(time_us * sample_rate, US_PER_S))


def _terms(rate: Rational) -> tuple[int, int]:
    num, den = rate.num, rate.den
    if num <= 0 or den < 0:
        raise ValueError(f"a frame rate is positive, not {num}/{den}")
    return num, den or 1


def _nearest(numerator: int, denominator: int) -> int:
    # Plain integers: fractions reduce at each step, and a timeline asks tens of thousands of times.
    return (2 * numerator + denominator) // (2 * denominator)
