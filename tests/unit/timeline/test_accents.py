"""Blows on beats, and clips that gain speed: worked examples."""

from __future__ import annotations

import pytest

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import Accent, SpeedPoint
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import SpeedRamp
from beatstitch_core.edl.speed import NORMAL, source_offset_us
from beatstitch_timeline.builder import build_edl, check_built
from beatstitch_timeline.ramps import ramp_speed, ramps

PUNCH, FLASH = edl_pb2.ACCENT_TYPE_PUNCH_IN, edl_pb2.ACCENT_TYPE_FLASH
ALL, CUTS = timeline_rules_pb2.ACCENT_BEATS_ALL, timeline_rules_pb2.ACCENT_BEATS_CUTS
RATE = Rational(num=30, den=1)
HALF = 500_000


def built(make, times, end, media=None, **wishes):
    media = media or [make.image()]
    edl = build_edl("p", make.song(), make.grid(times, end), media, TimelineSettings(**wishes))
    check_built(edl, media)
    return edl


def struck(edl):
    return [[(accent.type, accent.frame) for accent in segment.accents] for segment in edl.segments]


def test_a_punch_on_each_downbeat_by_default(make):
    edl = built(make, range(0, 8 * HALF, HALF), 8 * HALF, accents=[{"type": PUNCH}])
    assert struck(edl) == [[(PUNCH, 0)], [(PUNCH, 0)]]
    accent = edl.segments[0].accents[0]
    # 60 thousandths of 65536, 200 ms at 30 frames per second.
    assert (accent.amount, accent.frames) == (3932, 6)


def test_a_tenth_larger_is_what_the_contract_says(make):
    edl = built(make, [0], 4 * HALF, accents=[{"type": PUNCH, "amount_permille": 100}])
    assert edl.segments[0].accents[0].amount == 6554


def test_blows_on_all_beats_by_frame_then_by_type(make):
    wishes = [{"type": FLASH, "beats": ALL}, {"type": PUNCH, "beats": CUTS}]
    edl = built(make, range(0, 8 * HALF, HALF), 8 * HALF, accents=wishes)
    one = [(PUNCH, 0), (FLASH, 0), (FLASH, 15), (FLASH, 30), (FLASH, 45)]
    assert struck(edl) == [one, one]


def test_the_start_of_the_video_is_no_beat_that_is_cut_on(make):
    wish = [{"type": FLASH, "beats": CUTS}]
    edl = built(make, range(HALF, 9 * HALF, HALF), 9 * HALF, accents=wish)
    assert struck(edl) == [[], [(FLASH, 0)]]


def test_a_blow_ends_with_its_segment(make):
    wish = [{"type": FLASH, "beats": ALL, "duration_ms": 1000}]
    edl = built(make, range(0, 4 * HALF, HALF), 4 * HALF, accents=wish)
    assert [accent.frames for accent in edl.segments[0].accents] == [30, 30, 30, 15]


def test_a_blow_takes_a_frame_at_least(make):
    wish = [{"type": FLASH, "duration_ms": 1}]
    edl = built(make, [0], 4 * HALF, accents=wish)
    assert [accent.frames for accent in edl.segments[0].accents] == [1]


def test_two_beats_in_a_frame_are_one_blow(make):
    edl = built(make, [0, 5_000, HALF], 4 * HALF, accents=[{"type": FLASH, "beats": ALL}])
    assert struck(edl) == [[(FLASH, 0), (FLASH, 15)]]


def test_a_trim_moves_blows_with_their_beats(make):
    edl = built(
        make,
        range(0, 16 * HALF, HALF),
        16 * HALF,
        accents=[{"type": PUNCH}],
        audio_start_us=3 * HALF,
        audio_end_us=8 * HALF,
    )
    # Beat 4 is a downbeat, half a second into the video.
    assert struck(edl) == [[(PUNCH, 15)], []]


def test_full_amounts_are_white(make):
    wish = [{"type": FLASH, "amount_permille": 1000}]
    edl = built(make, [0], 4 * HALF, accents=wish)
    assert edl.segments[0].accents == [Accent(type=FLASH, frames=6, amount=65_536)]


@pytest.mark.parametrize(
    ("peak", "duration", "frames", "points"),
    [
        (2000, 500, 60, [(0, NORMAL), (45, NORMAL), (60, 2 * NORMAL)]),
        (10_000, 500, 15, [(0, NORMAL), (15, 10 * NORMAL)]),
        (10_000, 500, 8, [(0, NORMAL), (8, 10 * NORMAL)]),
        (100, 1, 8, [(0, NORMAL), (7, NORMAL), (8, 6554)]),
    ],
)
def test_a_ramp_ends_on_the_cut(peak, duration, frames, points):
    ramp = SpeedRamp(peak_permille=peak, duration_ms=duration)
    speed = ramp_speed(ramp, frames, RATE)
    assert [(point.frame, point.rate) for point in speed.points] == points


@pytest.mark.parametrize("peak", [0, 1000])
def test_normal_speed_is_not_said(peak):
    assert ramp_speed(SpeedRamp(peak_permille=peak, duration_ms=500), 60, RATE) is None


def test_the_last_segment_has_no_cut_to_run_to():
    ramp = SpeedRamp(peak_permille=2000, duration_ms=500)
    assert [speed is None for speed in ramps(ramp, [60, 60, 60], RATE)] == [False, False, True]
    assert ramps(ramp, [60], RATE) == [None]


def test_a_clip_that_gains_speed_shows_all_that_it_runs_through(make):
    media = [make.clip("a"), make.image("b")]
    edl = built(
        make, range(0, 16 * HALF, HALF), 16 * HALF, media, speed_ramp={"peak_permille": 3000}
    )
    clip = edl.segments[0]
    # Two seconds, the last half at twice the speed on average.
    assert source_offset_us(clip.speed, 60, RATE) == 2_500_000
    assert (clip.source_in_us, clip.source_out_us) == (0, 2_500_000)
    assert edl.segments[2].source_in_us == 2_500_000
    assert [segment.HasField("speed") for segment in edl.segments] == [True, False, True, False]


def test_a_clip_too_short_to_gain_speed_runs_as_ever(make):
    edl = built(
        make,
        range(0, 16 * HALF, HALF),
        16 * HALF,
        [make.clip("a", 2_100_000)],
        speed_ramp={"peak_permille": 3000},
    )
    assert not any(segment.HasField("speed") for segment in edl.segments)


def test_to_fill_a_segment_comes_before_gaining_speed(make):
    edl = built(
        make,
        range(0, 16 * HALF, HALF),
        16 * HALF,
        [make.clip("a", 1_000_000)],
        speed_ramp={"peak_permille": 3000},
        fill=edl_pb2.FILL_POLICY_SPEED_FIT,
    )
    assert edl.segments[0].speed.points == [SpeedPoint(frame=0, rate=NORMAL // 2)]
    assert edl.segments[0].fill == edl_pb2.FILL_POLICY_HOLD
