"""Sound as samples: who is heard when, how loud, from which moment of the clip."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_renderer.mixing import RAMP, SEAM, clip_sound, song_level
from beatstitch_renderer.planning.soundtrack import (
    MARGIN,
    RATE,
    Heard,
    heard,
    needed,
    sample_of,
    sound_facts,
)

FPS = Fraction(30)


def clip(start: int, end: int, source_start: int = 0, source_end: int = 480_000, **changes):
    facts = {"gain": 65_536, "loops": True, "speed": ()} | changes
    return Heard("c" * 64, start, end, source_start, source_end, **facts)


def counting(first: int, last: int) -> np.ndarray:
    """A clip whose samples say which they are."""
    numbers = np.arange(first, last, dtype=np.float32)
    return np.stack((numbers, -numbers), axis=1)


def level(at: np.ndarray, length: int = 480_000, fades=(0, 0), ducked: int = 0, clips=()):
    return song_level(np.asarray(at), length, fades, ducked, clips)


def test_fades_begin_and_end_in_silence_and_have_equal_power():
    at = np.arange(480_000)
    got = level(at, fades=(48_000, 96_000))
    assert got[0] == got[-1] == 0
    assert got[24_000] == pytest.approx(np.sqrt(0.5), abs=1e-5)
    assert (got[48_000:384_000] == 1).all()
    assert got[383_999 + 48_000] == pytest.approx(np.sqrt(0.5), abs=1e-4)
    assert (np.diff(got[:48_001]) >= 0).all()
    assert (np.diff(got[384_000:]) <= 0).all()


def test_the_song_is_down_while_a_clip_is_heard_and_ramps_outside_of_it():
    at = np.arange(480_000)
    got = level(at, ducked=16_384, clips=[clip(100_000, 150_000)])
    assert (got[100_000:150_000] == 0.25).all()
    assert (got[: 100_000 - RAMP + 1] == 1).all()
    assert (got[150_000 + RAMP - 1 :] == 1).all()
    assert got[100_000 - RAMP // 2] == pytest.approx(0.625, abs=1e-4)
    assert np.abs(np.diff(got)).max() <= 0.75 / RAMP + 1e-12


def test_between_two_near_clips_the_song_comes_back_only_so_far():
    clips = [clip(100_000, 110_000), clip(110_000 + RAMP, 200_000)]
    got = level(np.arange(90_000, 130_000), ducked=0, clips=clips)
    assert got[20_000 + RAMP // 2] == pytest.approx(0.5, abs=1e-3)


@given(st.integers(1, 59_999), st.integers(0, 65_536))
def test_levels_don_t_depend_on_the_blocks_they_are_asked_in(border: int, ducked: int):
    clips = [clip(13_000, 16_000), clip(30_000, 52_001)]
    whole = level(np.arange(60_000), 60_000, (1000, 5_000), ducked, clips)
    parts = [
        level(np.arange(*part), 60_000, (1000, 5_000), ducked, clips)
        for part in ((0, border), (border, 60_000))
    ]
    assert (np.concatenate(parts) == whole).all()


def test_at_normal_speed_every_sample_is_the_clip_s_own():
    got = clip_sound(clip(1000, 49_000, source_start=7777), 1000, 49_000, FPS, counting)
    inner = slice(SEAM, -SEAM)
    assert (got[inner, 0] == np.arange(7777, 7777 + 48_000)[inner]).all()
    assert (got[inner, 1] == -got[inner, 0]).all()
    assert got[0, 0] == got[-1, 0] == 0


def test_the_gain_is_the_edl_s():
    got = clip_sound(clip(0, 48_000, gain=32_768), 0, 48_000, FPS, counting)
    assert got[1000, 0] == 500


def test_a_short_clip_begins_again_without_a_click():
    looping = clip(0, 48_000, source_start=100, source_end=10_100)
    ones = clip_sound(looping, 0, 48_000, FPS, lambda a, b: np.ones((b - a, 2), np.float32))
    assert ones[10_000, 0] == 0
    assert np.abs(np.diff(ones[:, 0])).max() <= 1 / SEAM + 1e-6
    got = clip_sound(looping, 0, 48_000, FPS, counting)
    assert got[12_000, 0] == 100 + 2000


def test_a_held_clip_is_silent_after_its_end():
    held = clip(0, 48_000, source_start=0, source_end=10_000, loops=False)
    got = clip_sound(held, 0, 48_000, FPS, lambda a, b: np.ones((b - a, 2), np.float32))
    assert (got[10_000:] == 0).all()
    assert got[9_000, 0] == 1
    assert np.abs(np.diff(got[:, 0])).max() <= 1 / SEAM + 1e-6


def test_a_cut_inside_one_shot_is_not_heard():
    first, second = clip(0, 24_000, goes_on=True), clip(24_000, 48_000, 24_000, comes_on=True)
    got = np.concatenate(
        [
            clip_sound(first, 0, 24_000, FPS, counting),
            clip_sound(second, 24_000, 48_000, FPS, counting),
        ]
    )
    assert (got[SEAM:-SEAM, 0] == np.arange(48_000)[SEAM:-SEAM]).all()


@pytest.mark.parametrize(
    "speed",
    [((0, 32_768),), ((0, 131_072),), ((0, 6_554),), ((0, 655_360),), ((0, 32_768), (20, 196_608))],
)
def test_a_clip_s_sound_keeps_to_the_time_of_its_pictures(speed):
    """Read from a clip whose samples count, the sound says which moment it is."""
    fast = clip(0, 80_000, source_end=4_800_000, speed=speed)
    got = clip_sound(fast, 0, 80_000, FPS, counting)[:, 0]
    points = edl_pb2.Speed(points=[edl_pb2.SpeedPoint(frame=f, rate=r) for f, r in speed])
    for frame in range(1, 49):
        wanted = source_offset_us(points, frame, common_pb2.Rational(num=30, den=1)) * RATE / 1e6
        assert got[frame * RATE // 30] == pytest.approx(wanted, abs=0.15)


def test_a_tone_at_double_speed_is_an_octave_higher_and_what_is_too_high_is_gone():
    def tone(hz: float):
        def read(a: int, b: int) -> np.ndarray:
            wave = np.sin(2 * np.pi * hz * np.arange(a, b) / RATE)
            return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)

        return read

    double = clip(0, 48_000, speed=((0, 131_072),))
    low = clip_sound(double, 0, 48_000, FPS, tone(1000))[1000:-1000, 0]
    wanted = np.sin(2 * np.pi * 2000 * np.arange(48_000) / RATE)[1000:-1000]
    assert np.abs(low - wanted).max() < 1e-3
    high = clip_sound(double, 0, 48_000, FPS, tone(18_000))[1000:-1000, 0]
    assert np.sqrt((high**2).mean()) < 0.01


@given(st.integers(1, 4_999), st.sampled_from([(), ((0, 98_304),), ((0, 32_768), (3, 196_608))]))
def test_clips_don_t_depend_on_the_blocks_they_are_asked_in(border: int, speed):
    looping = clip(0, 5_000, source_start=100, source_end=3_100, speed=speed)
    whole = clip_sound(looping, 0, 5_000, FPS, counting)
    parts = [clip_sound(looping, a, b, FPS, counting) for a, b in ((0, border), (border, 5_000))]
    # Where the speed changes, a block's fastest decides what is too high for all of it.
    apart = np.abs(np.concatenate(parts) - whole).max()
    assert apart <= (0 if not speed else 0.5)


def edl_with_sound(rate=(30_000, 1001)) -> Edl:
    edl = Edl(version="1.0")
    edl.output.frame_rate.num, edl.output.frame_rate.den = rate
    for index in range(4):
        segment = edl.segments.add(
            index=index,
            media_asset_id="a",
            media_sha256=f"{index % 2:064x}",
            media_type=common_pb2.MEDIA_TYPE_VIDEO,
            timeline_in_frame=index * 31,
            timeline_out_frame=(index + 1) * 31,
            source_in_us=index * 1_000_000,
            source_out_us=index * 1_000_000 + 5_000_000,
        )
        if index in {1, 3}:
            segment.sound.gain = 40_000
    return edl


def test_a_clip_is_heard_at_its_segment_to_the_sample():
    found = heard(edl_with_sound())
    assert [(clip.start, clip.end) for clip in found] == [
        (round(31 * 1001 * 48 / 30), round(62 * 1001 * 48 / 30)),
        (round(93 * 1001 * 48 / 30), round(124 * 1001 * 48 / 30)),
    ]
    assert [clip.source_start for clip in found] == [48_000, 144_000]
    assert sample_of(31, edl_with_sound().output.frame_rate) == 49_650  # 49,649.6


def test_what_is_needed_of_a_clip_is_merged():
    found = heard(edl_with_sound())
    assert needed(found, f"{1:064x}") == [(48_000 - MARGIN, 384_000 + MARGIN)]
    assert needed(found, f"{0:064x}") == []


def test_a_cut_inside_one_shot_is_known():
    edl = edl_with_sound((30, 1))
    for index, segment in enumerate(edl.segments):
        segment.media_sha256 = "f" * 64
        segment.source_in_us = round(index * 31 / 30 * 1_000_000)
        segment.source_out_us = 10_000_000
        segment.sound.gain = 65_536
    found = heard(edl)
    assert [(c.comes_on, c.goes_on) for c in found] == [
        (False, True),
        (True, True),
        (True, True),
        (True, False),
    ]
    edl.segments[2].source_in_us += 200_000
    assert [(c.comes_on, c.goes_on) for c in heard(edl)][1:3] == [(True, False), (False, False)]


def test_the_facts_of_the_sound_name_all_that_is_heard_and_no_asset():
    edl = edl_with_sound()
    plain = Edl()
    plain.CopyFrom(edl)
    for segment in plain.segments:
        segment.ClearField("sound")
    plain.audio.ducked = 1000
    assert sound_facts(plain) == {}
    seen = [sound_facts(edl)]
    edl.audio.ducked = 1000
    seen.append(sound_facts(edl))
    edl.segments[1].sound.gain += 1
    seen.append(sound_facts(edl))
    edl.segments[1].source_in_us += 1_000
    seen.append(sound_facts(edl))
    edl.segments[1].speed.points.add(frame=0, rate=70_000)
    seen.append(sound_facts(edl))
    edl.audio.fade_out_us = 5
    seen.append(sound_facts(edl))
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])
    edl.segments[1].media_asset_id = "another"
    edl.project_id = "another"
    edl.segments[0].source_in_us += 5
    assert sound_facts(edl) == seen[-1]
