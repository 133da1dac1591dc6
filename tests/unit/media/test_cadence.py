"""Frame rate, variability and length from time stamps."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from beatstitch_media.cadence import cadence

RATES = [Fraction(r) for r in (24, 25, 30, 50, 60, 120)] + [
    Fraction(n, 1001) for n in (24_000, 30_000, 60_000)
]


def measured(stamps, time_base, *, last=0, nominal=None):
    return cadence(stamps, time_base, last_duration=last, nominal=nominal)


@given(
    rate=st.sampled_from(RATES),
    count=st.integers(30, 600),
    start=st.integers(-5000, 5000),
    unit=st.sampled_from([1000, 1_000_000, 90_000]),
)
def test_a_constant_rate_is_found_through_rounded_stamps(rate, count, start, unit):
    stamps = [start + round(n / rate * unit) for n in range(count)]
    found = measured(stamps[::-1], Fraction(1, unit), nominal=rate)
    assert not found.variable
    assert found.rate == rate
    assert found.frames == count
    assert found.duration == count / rate
    assert found.start == Fraction(start, unit)


def test_a_variable_rate_is_the_mean():
    stamps, at = [], 0
    for n in range(60):
        stamps.append(at)
        at += (33, 50, 17, 100)[n % 4]
    found = measured(stamps, Fraction(1, 1000), last=100)
    assert found.variable
    assert abs(found.rate - Fraction(59_000, stamps[-1])) < Fraction(1, 1000)
    assert found.duration == Fraction(stamps[-1] + 100, 1000)


def test_a_short_variable_clip_is_variable():
    assert measured([0, 40, 80, 300], Fraction(1, 1000)).variable


def test_one_frame_lasts_as_long_as_the_file_says():
    found = measured([7], Fraction(1, 1000), last=40, nominal=Fraction(25))
    assert (found.frames, found.duration, found.rate) == (1, Fraction(40, 1000), 25)
    assert measured([7], Fraction(1, 1000)).duration == Fraction(1, 25)


def test_an_absurd_last_duration_is_not_believed():
    stamps = [0, 40, 80, 200, 240, 280, 320]
    found = measured(stamps, Fraction(1, 1000), last=3_600_000)
    assert found.duration < 1


def test_an_unusual_rate_is_kept():
    found = measured([n * 70 for n in range(100)], Fraction(1, 1000))
    assert abs(found.rate - Fraction(1000, 70)) < Fraction(1, 10_000)
