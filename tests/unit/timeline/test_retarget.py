"""The same cuts and pictures at other rates, in other shapes, or shorter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.builder import build_edl, check_built
from beatstitch_timeline.moves import move_ends
from beatstitch_timeline.retarget import retarget

from .edit_cases import WINDOW_END_US, cases

THOROUGH = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RATES = [(24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001), (60, 1), (12, 1)]
SHAPES = [(1920, 1080), (1080, 1920), (1080, 1080), (1080, 1350), (320, 16), (0, 0)]


def shape(size=(0, 0), rate=(0, 0)) -> OutputFormat:
    return OutputFormat(
        width=size[0], height=size[1], frame_rate=Rational(num=rate[0], den=rate[1])
    )


@THOROUGH
@given(data=st.data())
def test_any_shape_and_rate_keeps_every_invariant(make, data):
    case = data.draw(cases(make))
    wanted = shape(data.draw(st.sampled_from(SHAPES)), data.draw(st.sampled_from(RATES)))
    most = data.draw(st.one_of(st.just(0), st.integers(100_000, 8_000_000)))
    made = retarget(case.edl, wanted, most, case.media)

    check_built(made, case.media)
    assert not most or made.audio.duration_us <= most
    # What is on the screen between two old cuts is what was there, but for what rounding takes.
    shown = {segment.cut.beat_index: segment for segment in case.edl.segments}
    for segment in made.segments:
        old = shown[segment.cut.beat_index]
        assert segment.media_asset_id == old.media_asset_id
        assert segment.source_in_us == old.source_in_us
        assert segment.cut == old.cut
    ends = frame_at(made.audio.duration_us, made.output.frame_rate)
    begins = {segment.timeline_in_frame for segment in made.segments}
    for segment in case.edl.segments[1:]:
        frame = frame_at(segment.cut.beat_time_us - made.audio.offset_us, made.output.frame_rate)
        assert frame in begins or frame >= ends


@THOROUGH
@given(data=st.data())
def test_the_same_shape_is_the_same_timeline(make, data):
    case = data.draw(cases(make))
    assert retarget(case.edl, OutputFormat(), 0, case.media) == case.edl


@THOROUGH
@given(data=st.data())
def test_there_and_back_to_a_finer_rate_is_the_same_on_the_screen(make, data):
    case = data.draw(cases(make))
    rate = case.edl.output.frame_rate
    finer = retarget(case.edl, shape(rate=(rate.num * 2, rate.den)), 0, case.media)
    back = retarget(finer, shape(rate=(rate.num, rate.den)), 0, case.media)
    # A cut in the last half of a frame may be on the end at twice the rate.
    assume(len(back.segments) == len(case.edl.segments))
    for one, other in zip(back.segments, case.edl.segments, strict=True):
        assert one.timeline_in_frame == other.timeline_in_frame
        assert one.transition_in == other.transition_in
        # Up to where a clip may go the settings say, which a shape knows nothing of.
        if not other.HasField("speed") and other.source_out_us != WINDOW_END_US:
            assert one.source_out_us == other.source_out_us
        assert one.effect == other.effect


@pytest.fixture
def edl(make):
    grid = make.grid([i * 500_000 for i in range(16)], 8_000_000)
    media = [make.image("photo", (4000, 3000)), make.clip("clip", 60_000_000)]
    wish = TimelineSettings(beats_per_cut=4)
    return build_edl(make.PROJECT, make.song(), grid, media, wish), media


def test_a_limit_ends_on_the_last_cut_up_to_it(edl):
    made = retarget(edl[0], OutputFormat(), 5_999_999, edl[1])
    assert made.audio.duration_us == 4_000_000
    assert len(made.segments) == 2
    assert retarget(edl[0], OutputFormat(), 6_000_000, edl[1]).audio.duration_us == 6_000_000
    # No cut is early enough: there.
    made = retarget(edl[0], OutputFormat(), 1_500_000, edl[1])
    assert made.audio.duration_us == 1_500_000
    assert made.segments[0].timeline_out_frame == 45
    check_built(made, edl[1])


def test_moves_keep_centre_and_zoom_in_another_shape(edl):
    upright = retarget(edl[0], shape((1080, 1920)), 0, edl[1])
    for old, new in zip(edl[0].segments, upright.segments, strict=True):
        if not old.effect.HasField("ken_burns"):
            continue
        # Of 4:3 pictures 16:9 shows all of the width, 9:16 all of the height.
        for was, becomes in zip(
            move_ends(old.effect.ken_burns), move_ends(new.effect.ken_burns), strict=True
        ):
            assert becomes.h == pytest.approx(was.w, abs=2)
            assert becomes.w * 4 / (becomes.h * 3) == pytest.approx(1080 / 1920, rel=1e-3)
            assert becomes.x + becomes.w / 2 == pytest.approx(was.x + was.w / 2, abs=1)


def test_cuts_that_fall_on_one_frame_are_one(make):
    grid = make.grid([0, 1_000_000, 1_020_000, 2_000_000], 3_000_000)
    media = [make.image(name) for name in "abcd"]
    wish = TimelineSettings(beats_per_cut=1)
    wish.output.frame_rate.num = 60
    fine = build_edl(make.PROJECT, make.song(), grid, media, wish)
    assert [s.media_asset_id for s in fine.segments] == ["a", "b", "c", "d"]
    coarse = retarget(fine, shape(rate=(24, 1)), 0, media)
    assert [s.media_asset_id for s in coarse.segments] == ["a", "c", "d"]
    check_built(coarse, media)


def test_lengths_in_frames_keep_their_time(make):
    grid = make.grid([i * 500_000 for i in range(16)], 8_000_000)
    media = [make.clip("clip", 60_000_000), make.clip("other", 60_000_000)]
    wish = TimelineSettings(beats_per_cut=4)
    wish.transition.type, wish.transition.frames = edl_pb2.TRANSITION_TYPE_WIPE, 12
    wish.accents.add(type=edl_pb2.ACCENT_TYPE_FLASH, beats=2, duration_ms=200)
    wish.speed_ramp.peak_permille = 3000
    slow = build_edl(make.PROJECT, make.song(), grid, media, wish)
    fast = retarget(slow, shape(rate=(60, 1)), 0, media)
    check_built(fast, media)
    assert [s.transition_in.frames for s in fast.segments] == [0, 24, 24, 24]
    assert [a.frame for a in fast.segments[1].accents] == [0, 30, 60, 90]
    assert {a.frames for s in fast.segments for a in s.accents} == {12}
    ramp = slow.segments[0].speed.points
    assert [(p.frame, p.rate) for p in fast.segments[0].speed.points] == [
        (2 * p.frame, p.rate) for p in ramp
    ]
    rebuilt = wish
    rebuilt.output.frame_rate.num = 60
    rebuilt.transition.frames = 24
    assert fast == build_edl(make.PROJECT, make.song(), grid, media, rebuilt)


def test_overlays_and_fades_end_with_the_shorter_video(edl):
    made = edl[0]
    made.audio.fade_in_us, made.audio.fade_out_us = 1_000_000, 2_000_000
    for begin, end in ((0, 90), (150, 240), (0, 240), (100, 120)):
        made.overlays.add(in_frame=begin, out_frame=end, fade_frames=10).text.text = "text"
    shorter = retarget(made, shape(rate=(60, 1)), 2_000_000, edl[1])
    spans = [(item.in_frame, item.out_frame, item.fade_frames) for item in shorter.overlays]
    assert spans == [(0, 120, 20), (0, 120, 20), (0, 120, 20)]
    assert (shorter.audio.fade_in_us, shorter.audio.fade_out_us) == (1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("wanted", "most", "field"),
    [
        (shape((15, 0)), 0, "output.width"),
        (shape(rate=(121, 1)), 0, "output.frame_rate"),
        (shape(), -1, "max_duration_us"),
        (shape(), 1, "max_duration_us"),
    ],
)
def test_what_can_not_be_is_refused_by_its_field(edl, wanted, most, field):
    with pytest.raises(BeatStitchError) as caught:
        retarget(edl[0], wanted, most, edl[1])
    assert [v.field for v in caught.value.violations] == [field]


def test_the_given_edl_is_not_changed(edl):
    before = edl[0].SerializeToString(deterministic=True)
    retarget(edl[0], shape((1080, 1920), (24, 1)), 3_000_000, edl[1])
    assert edl[0].SerializeToString(deterministic=True) == before


def test_frames_are_counted_from_beats_not_scaled(make):
    grid = make.grid([333_333 * i for i in range(20)], 6_666_660)
    media = [make.image("a"), make.image("b")]
    wish = TimelineSettings(beats_per_cut=1)
    wish.output.frame_rate.num = 24
    made = retarget(
        build_edl(make.PROJECT, make.song(), grid, media, wish), shape(rate=(60, 1)), 0, media
    )
    begins = [segment.timeline_in_frame for segment in made.segments]
    assert begins == [frame_at(beat.time_us, Rational(num=60, den=1)) for beat in grid.beats]
    assert {b - a for a, b in pairwise(begins)} == {20}
