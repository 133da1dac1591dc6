"""What can't be built is refused, all wrong fields at once."""

from __future__ import annotations

import pytest

from beatstitch.v1 import failure_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_timeline.builder import build_edl, check_built

ONE_CUT_A_BEAT = TimelineSettings(beats_per_cut=1)


def refusal(*inputs, **more) -> BeatStitchError:
    with pytest.raises(BeatStitchError) as caught:
        build_edl(*inputs, **more)
    return caught.value


def fields(error: BeatStitchError) -> set[str]:
    assert error.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    return {violation.field for violation in error.violations}


def test_a_song_without_beats(make):
    error = refusal("p", make.song(), make.grid([], 5_000_000), [make.image()], ONE_CUT_A_BEAT)
    assert error.reason == failure_pb2.ERROR_REASON_TOO_FEW_BEATS
    assert error.metadata == {"beats": "0", "needed": "1"}


def test_a_trim_without_beats(make):
    settings = TimelineSettings(audio_start_us=3_000_000)
    grid = make.grid([0, 1_000_000], 5_000_000)
    error = refusal("p", make.song(), grid, [make.image()], settings)
    assert error.reason == failure_pb2.ERROR_REASON_TOO_FEW_BEATS


def test_no_media(make):
    error = refusal("p", make.song(), make.grid([0], 5_000_000), [], ONE_CUT_A_BEAT)
    assert error.reason == failure_pb2.ERROR_REASON_NO_READY_MEDIA


def test_wrong_fields_come_before_missing_media_and_all_at_once(make):
    song, grid = make.song(), make.grid([5, 5, -1], 5_000_000)
    song.object.sha256 = "short"
    settings = TimelineSettings(beats_per_cut=99, audio_end_us=6_000_000)
    assert fields(refusal("", song, grid, [], settings)) == {
        "project_id",
        "audio.object.sha256",
        "beat_grid.audio_sha256",
        "beat_grid.beats[1].time_us",
        "beat_grid.beats[2].time_us",
        "settings.beats_per_cut",
        "settings.audio_end_us",
    }


def test_media_that_can_not_be_shown(make):
    unready, endless, sound = make.image("a"), make.clip("b", 0), make.song("c")
    unready.object.sha256 = ""
    media = [unready, endless, sound, make.song(), make.clip("b", 5)]
    error = refusal("p", make.song(), make.grid([0], 5_000_000), media, ONE_CUT_A_BEAT)
    assert fields(error) == {
        "media[0].object.sha256",
        "media[1].info.duration_us",
        "media[2].info.media_type",
        "media[3].info.media_type",
        "media[3].asset_id",
        "media[4].asset_id",
    }


def test_a_song_that_is_no_song(make):
    song = make.clip("song")
    error = refusal("p", song, make.grid([0], 5_000_000), [make.image()], ONE_CUT_A_BEAT)
    assert fields(error) == {"audio.info.media_type"}


@pytest.mark.parametrize("length_us", [0, 86_400_000_001])
def test_a_song_of_no_or_impossible_length(make, length_us):
    error = refusal("p", make.song(), make.grid([0], length_us), [make.image()], ONE_CUT_A_BEAT)
    assert "beat_grid.duration_us" in fields(error)


def test_the_probes_length_serves_where_the_grid_has_none(make):
    song = make.song()
    song.info.duration_us = 3_000_000
    edl = build_edl("p", song, make.grid([0], 0), [make.image()], ONE_CUT_A_BEAT)
    assert edl.audio.duration_us == 3_000_000


def test_too_many_segments_blames_beats_per_cut(make):
    limits = default_limits()
    limits.max_segments = 9
    grid = make.grid(range(0, 5_000_000, 500_000), 5_000_000)
    error = refusal("p", make.song(), grid, [make.image()], ONE_CUT_A_BEAT, limits=limits)
    assert fields(error) == {"settings.beats_per_cut"}


def test_too_many_media(make):
    limits = default_limits()
    limits.max_media_per_project = 1
    media = [make.image("a"), make.image("b")]
    error = refusal(
        "p", make.song(), make.grid([0], 5_000_000), media, ONE_CUT_A_BEAT, limits=limits
    )
    assert fields(error) == {"media"}


def test_less_than_a_frame_of_song(make):
    settings = TimelineSettings(audio_start_us=0, audio_end_us=10_000)
    error = refusal("p", make.song(), make.grid([0], 5_000_000), [make.image()], settings)
    assert fields(error) == {"settings.audio_end_us"}


def test_a_fault_of_ours_is_internal_and_never_stored(make):
    media = [make.image()]
    edl = build_edl("p", make.song(), make.grid([0], 5_000_000), media, ONE_CUT_A_BEAT)
    edl.segments[0].timeline_out_frame += 1
    with pytest.raises(BeatStitchError) as caught:
        check_built(edl, media)
    assert caught.value.reason == failure_pb2.ERROR_REASON_INTERNAL


def test_too_many_segments_blames_the_rule_that_cuts_most(make):
    limits = default_limits()
    limits.max_segments = 9
    grid = make.grid(range(0, 12_000_000, 500_000), 12_000_000)
    grid.sections.add(end_us=4_000_000, label="A")
    grid.sections.add(start_us=4_000_000, end_us=12_000_000, label="B")
    wish = TimelineSettings(section_rules=[{"label": "B", "cut": {"every_n_beats": 1}}])
    error = refusal("p", make.song(), grid, [make.image()], wish, limits=limits)
    assert fields(error) == {"settings.section_rules[0].cut.every_n_beats"}


def test_rules_are_checked_before_anything_is_built(make):
    wish = TimelineSettings(
        cut={"lengths": {"beats": [4, 0]}},
        section_rules=[{"cut": {"build_up": {"from_beats": 2, "to_beats": 4}}}],
        accents=[{}],
        speed_ramp={"peak_permille": 99},
    )
    error = refusal("p", make.song(), make.grid([0], 5_000_000), [make.image()], wish)
    assert fields(error) == {
        "settings.cut.lengths.beats[1]",
        "settings.section_rules[0].cut.build_up.to_beats",
        "settings.accents[0].type",
        "settings.speed_ramp.peak_permille",
    }
