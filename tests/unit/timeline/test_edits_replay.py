"""Edits that are kept, and found again in timelines that are built anew."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch.v1.timeline_edit_pb2 import KeptEdit, TimelineEdit, TimelineOverlay
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build, build_edl, check_built
from beatstitch_timeline.edits import apply_edits, replay

from .edit_cases import cases, wishes
from .edit_song import Song, assets, beats
from .test_edit_properties import possible


@pytest.fixture
def song(make):
    return Song(make)


def kept(song, *edits) -> TimelineOverlay:
    wanted = [TimelineEdit(**edit) for edit in edits]
    return TimelineOverlay(edits=apply_edits(song.edl, *song.inputs, wanted).kept)


def again(song, overlay, **wish):
    """The overlay on a timeline of other settings."""
    settings_now = TimelineSettings(**({"beats_per_cut": 4} | wish))
    base = build_edl(song.make.PROJECT, song.make.song(), song.grid, song.media, settings_now)
    replayed = replay(base, song.grid, song.media, settings_now, overlay)
    check_built(replayed.edl, song.media)
    return replayed


def test_each_place_of_an_edit_has_its_time(song):
    overlay = kept(
        song,
        {"move": {"segment_index": 1, "to_index": 3}},
        {
            "insert": {
                "at": {"beat_index": 2},
                "until": {"time_us": 1_490_000},
                "media_asset_id": "b",
            }
        },
        {"trim": {"segment_index": 3, "to": {"beat_index": 6}}},
        {"override": {"segment_index": 0, "fit": 2}},
        {"merge": {"segment_index": 0, "count": 2}},
    )
    assert [list(item.anchor_us) for item in overlay.edits] == [
        [2_000_000, 6_000_000],
        [1_000_000, 1_500_000],
        [2_000_000, 3_000_000],
        [0],
        [0],
    ]


def test_an_edit_finds_its_segment_among_more_segments(song):
    overlay = kept(song, {"override": {"segment_index": 2, "fit": edl_pb2.FIT_BLUR}})
    found = again(song, overlay, beats_per_cut=2)
    blurred = [i for i, s in enumerate(found.edl.segments) if s.fit == edl_pb2.FIT_BLUR]
    assert blurred == [4]
    assert found.overlay.edits[0].edit.override.segment_index == 4
    assert found.overlay.edits[0].anchor_us == overlay.edits[0].anchor_us
    assert not found.dropped


def test_an_edit_whose_segment_is_gone_is_dropped_and_the_others_stay(song):
    overlay = kept(
        song,
        {"delete": {"segment_index": 1}},
        {"split": {"at": {"beat_index": 9}}},
    )
    found = again(song, overlay, beats_per_cut=8)
    assert [dropped.edit for dropped in found.dropped] == [overlay.edits[0]]
    assert found.dropped[0].message == "no segment begins at 2.000 s any more"
    assert beats(found.edl) == [0, 8, 9, 16]
    assert list(found.overlay.edits) == [overlay.edits[1]]


def test_an_edit_finds_beats_that_were_corrected(song):
    overlay = kept(
        song,
        {"split": {"at": {"beat_index": 2}}},
        {"replace": {"segment_index": 2, "media_asset_id": "c"}},
    )
    for beat in song.grid.beats:
        beat.time_us += 90_000
    found = again(song, overlay)
    assert assets(found.edl) == "aaccab"
    assert [list(item.anchor_us) for item in found.overlay.edits] == [[1_090_000], [2_090_000]]
    assert found.overlay.edits[0].edit.split.at.beat_index == 2


def test_a_beat_that_moved_in_number_only_is_found_by_its_time(song):
    overlay = kept(song, {"split": {"at": {"beat_index": 6}}})
    del song.grid.beats[1]
    found = again(song, overlay)
    assert 5 in beats(found.edl)
    assert found.overlay.edits[0].edit.split.at.beat_index == 5


def test_a_time_that_was_asked_for_is_kept_beside_the_beat_that_was_meant(song):
    overlay = kept(song, {"split": {"at": {"time_us": 1_110_000}}})
    # Twice as many beats: the nearest to what was asked for would be another one.
    times = [i * 250_000 for i in range(40)]
    song.grid = song.make.grid(times, 10_000_000)
    found = again(song, overlay, beats_per_cut=8)
    assert beats(found.edl)[:2] == [0, 4]
    assert found.overlay.edits[0].edit.split.at.time_us == 1_110_000


def test_what_lies_outside_a_shorter_video_is_dropped(song):
    overlay = kept(
        song, {"split": {"at": {"beat_index": 18}}}, {"split": {"at": {"beat_index": 1}}}
    )
    found = again(song, overlay, audio_end_us=6_000_000)
    assert "outside the part of the song that is heard" in found.dropped[0].message
    assert beats(found.edl) == [0, 1, 4, 8]
    found = again(song, overlay, audio_start_us=2_000_000)
    assert len(found.dropped) == 1
    assert beats(found.edl)[-1] == 18


def test_an_asset_that_is_gone_takes_its_edits_along(song):
    overlay = kept(song, {"replace": {"segment_index": 0, "media_asset_id": "c"}})
    del song.media[2]
    found = again(song, overlay)
    assert "'c' is not a READY picture or clip" in found.dropped[0].message
    assert found.edl == again(song, TimelineOverlay()).edl


def test_an_edit_that_was_kept_without_its_places_is_dropped(song):
    edit = KeptEdit(edit=TimelineEdit(delete={"segment_index": 1}))
    found = again(song, TimelineOverlay(edits=[edit, KeptEdit()]))
    assert len(found.dropped) == 2


def test_overrides_survive_another_size(song):
    overlay = kept(song, {"override": {"segment_index": 1, "transition_in": {"type": 2}}})
    found = again(song, overlay, output={"width": 1080, "height": 1920})
    assert found.edl.segments[1].transition_in.frames == 8
    assert found.edl.output.height == 1920


def test_a_build_applies_what_is_kept(song):
    overlay = kept(song, {"delete": {"segment_index": 0}})
    built = build(
        song.make.PROJECT, song.make.song(), song.grid, song.media, song.wish, overlay=overlay
    )
    assert built.edl == song.edit({"delete": {"segment_index": 0}})
    assert built.overlay == overlay


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_settings_and_no_correction_break_a_build(make, data):
    case = data.draw(cases(make))
    overlay = TimelineOverlay(edits=apply_edits(case.edl, *case.inputs, possible(case, data)).kept)
    wish, grid = data.draw(wishes()), case.grid
    shift = data.draw(st.sampled_from([0, 0, 13_000, 60_000]))
    for beat in grid.beats:
        beat.time_us += shift
    grid.duration_us += shift
    media = case.media[data.draw(st.integers(0, len(case.media) - 1)) :]
    built = build(make.PROJECT, make.song(), grid, media, wish, overlay=overlay)
    assert len(built.overlay.edits) + len(built.dropped) == len(overlay.edits)
    assert all(item.message for item in built.dropped)
    # What has found its place once finds it again.
    twice = build(make.PROJECT, make.song(), grid, media, wish, overlay=built.overlay)
    assert twice.edl == built.edl
    assert twice.overlay == built.overlay
    assert not twice.dropped
