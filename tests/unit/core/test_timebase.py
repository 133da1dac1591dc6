from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1.common_pb2 import Rational
from beatstitch_core import timebase

RATES = [(24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1)]


@pytest.mark.parametrize(("num", "den"), RATES)
@given(frame=st.integers(0, 2**31 - 1))
def test_a_frames_time_leads_back_to_the_frame(num, den, frame):
    rate = Rational(num=num, den=den)
    assert timebase.frame_at(timebase.frame_time_us(frame, rate), rate) == frame


@given(time_us=st.integers(0, 10**11), num=st.integers(1, 120_000), den=st.integers(1, 1001))
def test_a_frame_is_at_most_half_a_frame_from_its_time(time_us, num, den):
    rate = Rational(num=num, den=den)
    exact = Fraction(time_us, 1_000_000) * Fraction(num, den)
    assert abs(timebase.frame_at(time_us, rate) - exact) <= Fraction(1, 2)


def test_halves_round_upwards():
    assert timebase.round_half_up(Fraction(1, 2)) == 1
    assert timebase.round_half_up(Fraction(5, 2)) == 3
    assert timebase.round_half_up(Fraction(-1, 2)) == 0


def test_1000_cuts_at_174_bpm_do_not_drift():
    rate = Rational(num=30000, den=1001)
    for beat in range(1000):
        time_us = round(beat * 60_000_000 / 174)
        assert (
            abs(timebase.frame_time_us(timebase.frame_at(time_us, rate), rate) - time_us) < 16_684
        )


def test_den_zero_is_read_as_one():
    assert timebase.rate_fraction(Rational(num=30)) == 30


@pytest.mark.parametrize(("num", "den"), [(0, 1), (-24, 1), (24, -1)])
def test_a_rate_is_positive(num, den):
    with pytest.raises(ValueError, match="positive"):
        timebase.rate_fraction(Rational(num=num, den=den))


def test_milliseconds_and_samples_are_rounded_not_cut_off():
    assert timebase.us_to_ms(1500) == 2
    assert timebase.samples_at(1_000_000, 44_100) == 44_100
    assert timebase.frame_time_ms(1, Rational(num=30, den=1)) == 33
