"""Settings of a timeline: defaults, and all violations at once."""

from __future__ import annotations

import pytest

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.rule_defaults import default_fade_frames
from beatstitch_core.edl.settings import check_settings, with_defaults
from beatstitch_core.limits import default_limits


def test_defaults():
    full = with_defaults(TimelineSettings())
    assert full.beats_per_cut == 4
    assert (full.output.width, full.output.height) == (1280, 720)
    assert (full.output.frame_rate.num, full.output.frame_rate.den) == (30, 1)
    assert full.fit == edl_pb2.FIT_COVER
    assert full.fill == edl_pb2.FILL_POLICY_LOOP
    assert full.image_motion == timeline_pb2.IMAGE_MOTION_KEN_BURNS
    assert full.transition.type == edl_pb2.TRANSITION_TYPE_CUT
    assert full.transition.frames == 0
    assert not check_settings(TimelineSettings())


def test_the_given_settings_are_not_changed():
    settings = TimelineSettings()
    with_defaults(settings)
    assert settings == TimelineSettings()


def test_a_rate_comes_in_lowest_terms():
    settings = TimelineSettings()
    settings.output.frame_rate.CopyFrom(Rational(num=60_000, den=2_002))
    assert with_defaults(settings).output.frame_rate == Rational(num=30_000, den=1_001)
    settings.output.frame_rate.CopyFrom(Rational(num=25))
    assert with_defaults(settings).output.frame_rate == Rational(num=25, den=1)


@pytest.mark.parametrize(
    ("num", "den", "frames"), [(30, 1, 8), (24, 1, 6), (25, 1, 6), (30_000, 1_001, 7), (1, 1, 1)]
)
def test_a_crossfade_takes_a_quarter_of_a_second(num: int, den: int, frames: int):
    assert default_fade_frames(Rational(num=num, den=den)) == frames


def test_a_crossfade_of_given_length_is_kept():
    settings = TimelineSettings()
    settings.transition.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
    settings.transition.frames = 3
    assert with_defaults(settings).transition.frames == 3


def test_all_violations_at_once():
    settings = TimelineSettings(beats_per_cut=65, fit=99, image_motion=99, fill=99)  # type: ignore[arg-type]
    settings.output.width, settings.output.height = 15, 8000
    settings.output.frame_rate.num = 121
    settings.output.background_rgb = 0x1000000
    settings.transition.frames = 5
    settings.audio_start_us, settings.audio_end_us = 5_000_000, 4_000_000
    assert {violation.field for violation in check_settings(settings, at="s")} == {
        "s.beats_per_cut",
        "s.output.width",
        "s.output.height",
        "s.output.frame_rate",
        "s.output.background_rgb",
        "s.transition.frames",
        "s.fit",
        "s.image_motion",
        "s.fill",
        "s.audio_end_us",
    }


def test_negative_numbers_are_violations():
    settings = TimelineSettings(beats_per_cut=-1, audio_start_us=-1, audio_end_us=-1)
    settings.output.frame_rate.num = -30
    settings.transition.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
    settings.transition.frames = -1
    assert {violation.field for violation in check_settings(settings)} == {
        "settings.beats_per_cut",
        "settings.audio_start_us",
        "settings.audio_end_us",
        "settings.output.frame_rate",
        "settings.transition.frames",
    }


def test_an_unknown_transition_is_a_violation():
    settings = TimelineSettings()
    settings.transition.type = 77  # type: ignore[assignment]
    assert [v.field for v in check_settings(settings)] == ["settings.transition.type"]


def test_the_trim_is_held_against_the_song():
    settings = TimelineSettings(audio_start_us=9_000_000, audio_end_us=10_000_000)
    assert not check_settings(settings)
    assert not check_settings(settings, song_us=10_000_000)
    assert [v.field for v in check_settings(settings, song_us=9_999_999)] == [
        "settings.audio_end_us"
    ]
    assert len(check_settings(settings, song_us=9_000_000)) == 2


def test_limits_may_be_lowered():
    limits = default_limits()
    limits.max_beats_per_cut, limits.max_side_pixels, limits.max_fps = 8, 640, 25
    fields = {v.field for v in check_settings(TimelineSettings(beats_per_cut=9), limits)}
    assert fields == {
        "settings.beats_per_cut",
        "settings.output.width",
        "settings.output.height",
        "settings.output.frame_rate",
    }
