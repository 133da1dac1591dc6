"""What differs between two revisions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_service_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.diff import diff
from beatstitch_timeline.edits import apply_edits

from .edit_cases import cases
from .test_edit_properties import possible

ADDED = timeline_service_pb2.SEGMENT_CHANGE_KIND_ADDED
REMOVED = timeline_service_pb2.SEGMENT_CHANGE_KIND_REMOVED
CHANGED = timeline_service_pb2.SEGMENT_CHANGE_KIND_CHANGED
NOTHING = TimelineSettings()


class Song:
    """Sixteen beats of half a second; four segments of two clips and two pictures."""

    def __init__(self, make) -> None:
        self.grid = make.grid([i * 500_000 for i in range(16)], 8_000_000)
        names = [make.image("one"), make.clip("two", 60_000_000)]
        self.media = [*names, make.image("three"), make.clip("four", 60_000_000)]
        self.wish = TimelineSettings(beats_per_cut=4)
        self.edl = build_edl(make.PROJECT, make.song(), self.grid, self.media, self.wish)

    def edited(self, **edit) -> Edl:
        edits = [TimelineEdit(**edit)]
        return apply_edits(self.edl, self.grid, self.media, self.wish, edits).edl

    def diff(self, after: Edl):
        return diff(self.edl, after, self.wish, self.wish)


@pytest.fixture
def song(make):
    return Song(make)


def told(found):
    return [(change.kind, change.from_index, change.to_index) for change in found.segments]


def test_nothing_differs_from_itself(song):
    found = song.diff(song.edl)
    assert not found.segments
    assert not found.settings
    assert not found.edl
    assert found.changed_frames == 0


def test_a_split_adds_a_segment_and_shows_the_same(song):
    after = song.edited(split={"at": {"beat_index": 2}})
    found = song.diff(after)
    assert told(found) == [(CHANGED, 0, 0), (ADDED, -1, 1)]
    assert "timeline_out_frame" in found.segments[0].fields
    assert found.segments[0].before == song.edl.segments[0]
    assert found.segments[1].after == after.segments[1]
    assert not found.segments[1].HasField("before")
    # Only the picture that moves is off by what the rectangles of the halves round.
    assert song.diff(song.edited(split={"at": {"beat_index": 6}})).changed_frames == 0


def test_a_deleted_segment_is_removed_and_its_frames_change(song):
    found = song.diff(song.edited(delete={"segment_index": 1}))
    assert told(found) == [(CHANGED, 0, 0), (REMOVED, 1, -1)]
    assert not found.segments[1].HasField("after")
    assert found.changed_frames >= 60


def test_swapped_pictures_change_their_frames(song):
    found = song.diff(song.edited(swap={"segment_index": 0, "other_index": 1}))
    assert told(found) == [(CHANGED, 0, 0), (CHANGED, 1, 1)]
    assert "media_asset_id" in found.segments[0].fields
    assert found.changed_frames == 120


def test_a_rolled_cut_changes_what_lies_between(song):
    found = song.diff(song.edited(roll={"segment_index": 1, "to": {"beat_index": 5}}))
    assert told(found) == [(CHANGED, 0, 0), (REMOVED, 1, -1), (ADDED, -1, 1)]
    # The clip shows at each moment what it would have; the picture's move takes longer.
    assert 15 <= found.changed_frames <= 75


def test_a_transition_and_an_accent_change_their_own_frames(song):
    fade = {"type": edl_pb2.TRANSITION_TYPE_CROSSFADE, "frames": 10}
    found = song.diff(song.edited(override={"segment_index": 2, "transition_in": fade}))
    assert told(found) == [(CHANGED, 2, 2)]
    assert list(found.segments[0].fields) == ["transition_in.type", "transition_in.frames"]
    assert found.changed_frames == 10

    flash = {"rules": [{"type": 2, "beats": 3, "duration_ms": 200}]}
    found = song.diff(song.edited(override={"segment_index": 2, "accents": flash}))
    assert list(found.segments[0].fields) == ["accents"]
    assert found.changed_frames == 6


def test_settings_and_the_rest_of_the_edl_are_told_by_path(song):
    after, wish = Edl(), TimelineSettings(beats_per_cut=8)
    after.CopyFrom(song.edl)
    after.output.width = 640
    after.audio.fade_in_us = 5
    wish.output.width = 640
    found = diff(song.edl, after, song.wish, wish)
    assert list(found.settings) == ["beats_per_cut", "output"]
    assert list(found.edl) == ["output.width", "audio.fade_in_us"]
    assert not found.segments
    assert found.changed_frames == 240


def test_a_shorter_video_lacks_frames(song):
    after = Edl()
    after.CopyFrom(song.edl)
    del after.segments[3]
    assert told(song.diff(after)) == [(REMOVED, 3, -1)]
    assert song.diff(after).changed_frames == 60


def test_an_overlay_changes_the_frames_that_it_is_on(song):
    after = Edl()
    after.CopyFrom(song.edl)
    after.overlays.add(in_frame=10, out_frame=30).text.text = "hello"
    found = song.diff(after)
    assert list(found.edl) == ["overlays"]
    assert found.changed_frames == 20


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_diff_tells_how_to_get_from_one_to_the_other(make, data):
    case = data.draw(cases(make))
    after = apply_edits(case.edl, *case.inputs, possible(case, data)).edl
    found = diff(case.edl, after, case.wish, case.wish)
    begins = {segment.timeline_in_frame: segment for segment in case.edl.segments}
    for change in found.segments:
        if change.kind == REMOVED:
            del begins[change.before.timeline_in_frame]
        else:
            begins[change.after.timeline_in_frame] = change.after
    assert [begins[frame].media_asset_id for frame in sorted(begins)] == [
        segment.media_asset_id for segment in after.segments
    ]
    total = after.segments[-1].timeline_out_frame
    assert 0 <= found.changed_frames <= total
    # Frames on which another asset is shown differ for certain.
    assert found.changed_frames >= other_assets(case.edl, after)
    back = diff(after, case.edl, case.wish, case.wish)
    assert back.changed_frames == found.changed_frames
    assert len(back.segments) == len(found.segments)


def other_assets(one: Edl, other: Edl) -> int:
    return sum(a != b for a, b in zip(assets(one), assets(other), strict=True))


def assets(edl: Edl) -> list[str]:
    """The asset on the screen, frame by frame."""
    return [
        segment.media_asset_id
        for segment in edl.segments
        for _ in range(segment.timeline_in_frame, segment.timeline_out_frame)
    ]
