"""Whole builds: edits survive building anew, media may end the video."""

from __future__ import annotations

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit, TimelineOverlay
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build
from beatstitch_timeline.edits import apply_edits

HALF = 500_000


def test_a_replaced_picture_is_there_again_in_a_timeline_of_other_settings(make):
    grid = make.grid(range(0, 16 * HALF, HALF), 16 * HALF)
    media = [make.image("a"), make.image("b"), make.image("c")]
    song, before = make.song(), TimelineSettings(beats_per_cut=4)
    edl = build(make.PROJECT, song, grid, media, before).edl
    edit = TimelineEdit()
    edit.replace.segment_index, edit.replace.media_asset_id = 1, "c"
    edited = apply_edits(edl, grid, media, before, [edit])
    overlay = TimelineOverlay(edits=edited.kept)

    same = build(make.PROJECT, song, grid, media, before, overlay=overlay)
    assert same.edl == edited.edl
    assert (same.overlay, [*same.dropped]) == (overlay, [])

    faster = TimelineSettings(beats_per_cut=2, accents=[{"type": edl_pb2.ACCENT_TYPE_FLASH}])
    again = build(make.PROJECT, song, grid, media, faster, overlay=overlay)
    assert len(again.edl.segments) == 8
    # What segment 1 was, from the fourth beat on, is now segment 2.
    assert again.edl.segments[2].cut.beat_index == 4
    assert again.edl.segments[2].media_asset_id == "c"
    assert again.overlay.edits[0].edit.replace.segment_index == 2


def test_an_edit_without_its_picture_is_dropped_and_told(make):
    grid = make.grid(range(0, 16 * HALF, HALF), 16 * HALF)
    media = [make.image("a"), make.image("b")]
    wish = TimelineSettings()
    edl = build(make.PROJECT, make.song(), grid, media, wish).edl
    edit = TimelineEdit()
    edit.replace.segment_index, edit.replace.media_asset_id = 0, "b"
    kept = apply_edits(edl, grid, media, wish, [edit]).kept
    overlay = TimelineOverlay(edits=kept)
    built = build(make.PROJECT, make.song(), grid, media[:1], wish, overlay=overlay)
    assert [dropped.edit for dropped in built.dropped] == list(kept)
    assert built.dropped[0].message
    assert not built.overlay.edits
    assert {segment.media_asset_id for segment in built.edl.segments} == {"a"}


def test_the_media_end_the_video_on_the_beat_that_the_next_segment_had_begun_on(make):
    grid = make.grid(range(250_000, 250_000 + 16 * HALF, HALF), 16 * HALF + 250_000)
    media = [make.image("a"), make.clip("b"), make.image("c")]
    wish = TimelineSettings(choice={"reuse": timeline_rules_pb2.MEDIA_REUSE_END})
    edl = build(make.PROJECT, make.song(), grid, media, wish).edl
    assert [segment.media_asset_id for segment in edl.segments] == ["a", "b", "c"]
    assert edl.audio.duration_us == grid.beats[12].time_us
    # 6.25 s: half a frame is rounded up.
    assert edl.segments[-1].timeline_out_frame == 188
