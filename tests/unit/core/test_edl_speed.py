"""Which moment of a clip is in which frame, and where transitions lie."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.edls import RATES

from beatstitch.v1 import edl_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import Speed, SpeedPoint, Transition
from beatstitch_core.edl.speed import FASTEST, NORMAL, SLOWEST, rate_at, source_offset_us
from beatstitch_core.edl.ways_in import CUTS, handles, reach
from beatstitch_core.timebase import frame_time_us, round_half_up

FRAMES = st.integers(-50, 400)
RATE = st.sampled_from(RATES).map(lambda terms: Rational(num=terms[0], den=terms[1]))


@st.composite
def speeds(draw):
    later = draw(st.lists(st.integers(1, 300), unique=True, max_size=4))
    rates = st.integers(SLOWEST, FASTEST)
    return Speed(
        points=[SpeedPoint(frame=frame, rate=draw(rates)) for frame in [0, *sorted(later)]]
    )


@given(speeds(), FRAMES, RATE)
def test_source_time_is_the_area_under_the_rate(speed: Speed, frame: int, rate: Rational):
    # The rate bends at whole frames only: trapezia from frame to frame are exact.
    low, high = min(0, frame), max(0, frame)
    area = sum((rate_at(speed, k) + rate_at(speed, k + 1)) / 2 for k in range(low, high))
    if low < 0:  # before frame 0 the first rate holds
        area = -area
    exact = Fraction(1_000_000) * area / NORMAL * rate.den / rate.num
    assert source_offset_us(speed, frame, rate) == round_half_up(exact)


@given(speeds(), FRAMES, RATE)
def test_a_clip_never_runs_backwards(speed: Speed, frame: int, rate: Rational):
    here, after = (source_offset_us(speed, f, rate) for f in (frame, frame + 1))
    slowest, fastest = (
        Fraction(1_000_000 * r, NORMAL) * rate.den / rate.num for r in (SLOWEST, FASTEST)
    )
    assert slowest - 1 <= after - here <= fastest + 1


@given(FRAMES, RATE)
def test_without_points_and_at_the_normal_rate_time_is_the_timelines(frame: int, rate: Rational):
    wanted = frame_time_us(frame, rate)
    assert source_offset_us(Speed(), frame, rate) == wanted
    assert source_offset_us(Speed(points=[SpeedPoint(rate=NORMAL)]), frame, rate) == wanted
    assert rate_at(Speed(), frame) == NORMAL


def test_a_ramp_by_hand():
    # From 1× in frame 30 to 3× in frame 60, then on: 30 + 60 + 3 × 10 frames of the clip.
    speed = Speed(
        points=[
            SpeedPoint(frame=0, rate=NORMAL),
            SpeedPoint(frame=30, rate=NORMAL),
            SpeedPoint(frame=60, rate=3 * NORMAL),
        ]
    )
    rate = Rational(num=30, den=1)
    assert source_offset_us(speed, 70, rate) == 4_000_000
    assert source_offset_us(speed, -15, rate) == -500_000
    assert rate_at(speed, 45) == 2 * NORMAL
    assert rate_at(speed, 60) == rate_at(speed, 99) == 3 * NORMAL


@pytest.mark.parametrize(
    ("align", "before"),
    [
        (edl_pb2.TRANSITION_ALIGN_UNSPECIFIED, 7),
        (edl_pb2.TRANSITION_ALIGN_END, 7),
        (edl_pb2.TRANSITION_ALIGN_CENTRE, 4),
        (edl_pb2.TRANSITION_ALIGN_START, 0),
    ],
)
@pytest.mark.parametrize("kind", edl_pb2.TransitionType.values())
def test_where_a_transition_lies(
    kind: edl_pb2.TransitionType.ValueType,
    align: edl_pb2.TransitionAlign.ValueType,
    before: int,
):
    way = Transition(type=kind, align=align, frames=7)
    assert reach(way) == ((0, 0) if kind in CUTS else (before, 7 - before))
    assert any(handles(kind)) == (kind not in CUTS)
