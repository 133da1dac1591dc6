"""Which picture is in which frame: times, loops, holds, fades."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent, ChunkSegment
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch_renderer.planning.frames import TOLERANCE_US, WHOLE, clip_time_us, layers

RATES = [(24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1), (24000, 1001), (120, 1)]


def clip(**fields) -> ChunkSegment:
    return ChunkSegment(media_type=common_pb2.MEDIA_TYPE_VIDEO, **fields)


def shown(time_us: int, rate: Fraction) -> int:
    """The frame of a source of constant rate that is on the screen."""
    return int(Fraction(time_us + TOLERANCE_US, 1_000_000) * rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("first", [0, 1, 7, 1000])
def test_a_source_of_the_same_rate_gives_each_frame_once(rate, first):
    fps = Fraction(*rate)
    source_in = round(first / fps * 1_000_000)
    segment = clip(in_frame=-3, source_in_us=source_in, source_out_us=10**9)
    times = [clip_time_us(segment, f, Rational(num=rate[0], den=rate[1])) for f in range(500)]
    assert [shown(t, fps) for t in times] == [first + 3 + f for f in range(500)]


@pytest.mark.parametrize("rate", RATES)
def test_a_loop_of_whole_frames_repeats_whole_frames(rate):
    fps = Fraction(*rate)
    for count in (1, 2, 10, 37):
        first = 5
        segment = clip(
            in_frame=0,
            source_in_us=round(first / fps * 1_000_000),
            source_out_us=round((first + count) / fps * 1_000_000),
            fill=edl_pb2.FILL_POLICY_LOOP,
        )
        if count / fps * 1_000_000 <= 2 * TOLERANCE_US:
            continue
        times = [clip_time_us(segment, f, Rational(num=rate[0], den=rate[1])) for f in range(200)]
        assert [shown(t, fps) for t in times] == [first + f % count for f in range(200)]


@pytest.mark.parametrize("rate", RATES)
def test_hold_stands_on_the_last_frame_before_the_end(rate):
    fps = Fraction(*rate)
    segment = clip(
        in_frame=0,
        source_in_us=0,
        source_out_us=round(10 / fps * 1_000_000),
        fill=edl_pb2.FILL_POLICY_HOLD,
    )
    times = [clip_time_us(segment, f, Rational(num=rate[0], den=rate[1])) for f in range(40)]
    assert [shown(t, fps) for t in times] == [min(f, 9) for f in range(40)]


@given(
    begin=st.integers(0, 10**7),
    length=st.integers(1, 10**7),
    frame=st.integers(-200, 10**6),
    fill=st.sampled_from([edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD]),
)
def test_nothing_outside_the_chosen_part_is_shown_after_the_fade(begin, length, frame, fill):
    segment = clip(in_frame=0, source_in_us=begin, source_out_us=begin + length, fill=fill)
    time = clip_time_us(segment, frame, Rational(num=30, den=1))
    assert time >= 0
    if frame >= 0:
        assert begin <= time
        assert time + TOLERANCE_US < begin + length or time == begin
    else:
        assert time <= begin


def test_before_its_cut_a_clip_reaches_back_and_stops_at_its_start():
    segment = clip(in_frame=10, source_in_us=100_000, source_out_us=10**6)
    rate = Rational(num=30, den=1)
    assert [clip_time_us(segment, f, rate) for f in (5, 6, 7, 8, 9, 10)] == [
        0,
        0,
        0,
        33_333,
        66_667,
        100_000,
    ]


def content(*segments: ChunkSegment, frames: int) -> ChunkContent:
    made = ChunkContent(frame_count=frames, segments=segments)
    made.output.frame_rate.num = 30
    return made


def test_a_fade_ends_before_the_cut_and_the_cut_shows_the_new_picture_alone():
    old = clip(media_sha256="a", in_frame=0, out_frame=10, source_out_us=10**7)
    new = clip(media_sha256="b", in_frame=10, out_frame=20, source_out_us=10**7)
    new.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
    new.transition_in.frames = 3
    found = list(layers(content(old, new, frames=20)))
    assert [len(frame) for frame in found] == [1] * 7 + [2] * 3 + [1] * 10
    assert [found[f][1].weight for f in (7, 8, 9)] == [WHOLE // 4, WHOLE // 2, WHOLE * 3 // 4]
    assert [found[f][0].segment for f in (6, 7, 9, 10)] == [0, 0, 0, 1]


def test_a_fade_into_what_comes_after_the_piece_is_rendered_in_it():
    old = clip(media_sha256="a", in_frame=-5, out_frame=10, source_out_us=10**7)
    new = clip(media_sha256="b", in_frame=10, out_frame=11, source_out_us=10**7)
    new.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
    new.transition_in.frames = 4
    found = list(layers(content(old, new, frames=10)))
    assert [len(frame) for frame in found] == [1] * 6 + [2] * 4
