"""Edits that move pictures, put them in, take them out, cut and join."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import common_pb2, edl_pb2, timeline_edit_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.seen import moment_at, part_at

from .edit_cases import cases
from .edit_song import Song, assets, beats

MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
GIVEN = edl_pb2.CUT_RULE_GIVEN
B = {"media_asset_id": "b"}


@pytest.fixture
def song(make):
    return Song(make)


def contents(edl: Edl):
    """What is shown in each slot, but for what follows from the slot's length."""
    return [
        (s.media_asset_id, s.source_in_us, s.fit, s.effect, s.fill, s.focus) for s in edl.segments
    ]


def test_a_moved_picture_pushes_those_between(song):
    assert assets(song.edit({"move": {"segment_index": 0, "to_index": 2}})) == "bcaab"
    assert assets(song.edit({"move": {"segment_index": 4, "to_index": 1}})) == "abbca"
    assert beats(song.edit({"move": {"segment_index": 4, "to_index": 1}})) == beats(song.edl)


def test_a_swapped_picture_keeps_its_part_and_its_move(song):
    edl = song.edit({"swap": {"segment_index": 1, "other_index": 3}})
    assert assets(edl) == "aacbb"
    assert edl.segments[3].effect == song.edl.segments[1].effect
    assert edl.segments[1].source_in_us == song.edl.segments[3].source_in_us


def test_cuts_ways_and_accents_stay_where_they_are(make):
    way = {"type": edl_pb2.TRANSITION_TYPE_CROSSFADE, "frames": 8}
    song = Song(make, transition=way, accents=[{"type": 1, "beats": 1}])
    edl = song.edit({"move": {"segment_index": 0, "to_index": 4}})
    for new, old in zip(edl.segments, song.edl.segments, strict=True):
        assert (new.cut, new.transition_in) == (old.cut, old.transition_in)
        assert new.accents == old.accents


@MANY
@given(data=st.data())
def test_swapping_twice_and_moving_back_are_nothing(make, data):
    case = data.draw(cases(make))
    index = st.integers(0, len(case.edl.segments) - 1)
    one, other = data.draw(index), data.draw(index)
    swap = TimelineEdit(swap={"segment_index": one, "other_index": other})
    there = TimelineEdit(move={"segment_index": one, "to_index": other})
    back = TimelineEdit(move={"segment_index": other, "to_index": one})
    for pair in ([swap, swap], [there, back]):
        half = apply_edits(case.edl, *case.inputs, pair[:1]).edl
        assert sorted(map(str, contents(half))) == sorted(map(str, contents(case.edl)))
        assert apply_edits(half, *case.inputs, pair[1:]).edl == case.edl


def test_what_is_put_in_interrupts_what_was_there(song):
    edl = song.edit({"insert": {"at": {"beat_index": 1}, "until": {"beat_index": 3}} | B})
    assert assets(edl) == "ababcab"
    assert beats(edl) == [0, 1, 3, 4, 8, 12, 16]
    assert [s.cut.rule for s in edl.segments[1:3]] == [GIVEN, GIVEN]
    # The clip runs on under it.
    assert edl.segments[2].source_in_us == song.edl.segments[0].source_in_us + 1_500_000


def test_what_is_put_in_goes_to_the_end_of_its_segment_or_over_several(song):
    edl = song.edit({"insert": {"at": {"beat_index": 2}} | B})
    assert (assets(edl), beats(edl)) == ("abbcab", [0, 2, 4, 8, 12, 16])
    edl = song.edit({"insert": {"at": {"beat_index": 2}, "until": {"beat_index": 12}} | B})
    assert (assets(edl), beats(edl)) == ("abab", [0, 2, 12, 16])
    edl = song.edit({"insert": {"at": {"beat_index": 2}, "until": {"beat_index": 9}} | B})
    assert (assets(edl), beats(edl)) == ("abcab", [0, 2, 9, 12, 16])
    edl = song.edit({"insert": {"at": {"beat_index": 17}} | B})
    assert (assets(edl), beats(edl)) == ("abcabb", [0, 4, 8, 12, 16, 17])


def test_what_is_put_in_at_a_cut_replaces_what_begins_there(song):
    edl = song.edit({"insert": {"at": {"beat_index": 8}} | B})
    assert (assets(edl), beats(edl)) == ("abbab", beats(song.edl))
    assert edl.segments[2].cut == song.edl.segments[2].cut
    edl = song.edit({"insert": {"at": {"beat_index": 8}, "until": {"beat_index": 10}} | B})
    assert (assets(edl), beats(edl)) == ("abbcab", [0, 4, 8, 10, 12, 16])


def test_what_is_put_in_is_as_the_settings_say(make):
    way = {"type": edl_pb2.TRANSITION_TYPE_PUSH, "frames": 6, "direction": edl_pb2.DIRECTION_UP}
    song = Song(make, transition=way, fit=edl_pb2.FIT_BLUR, fill=edl_pb2.FILL_POLICY_HOLD)
    edl = song.edit(
        {
            "insert": {
                "at": {"beat_index": 2},
                "media_asset_id": "c",
                "source_in_us": 2_900_000,
            }
        }
    )
    new = edl.segments[1]
    assert (new.fit, new.fill) == (edl_pb2.FIT_BLUR, edl_pb2.FILL_POLICY_HOLD)
    assert (new.source_in_us, new.source_out_us) == (2_900_000, 3_000_000)
    assert new.transition_in == song.edl.segments[1].transition_in


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"at": {"beat_index": 1}, "media_asset_id": "gone"}, "not a READY picture or clip"),
        ({"at": {"beat_index": 1}, "media_asset_id": "b", "source_in_us": 1}, "must be 0 for a"),
        ({"at": {"beat_index": 1}, "media_asset_id": "c", "source_in_us": 3_000_000}, "2999999"),
        ({"at": {"beat_index": 20}} | B, "beats 0 to 19, not 20"),
        ({"at": {}} | B, "at: must be given as beat_index or time_us"),
        ({"at": {"beat_index": 3}, "until": {"beat_index": 3}} | B, "must come after"),
        ({"at": {"beat_index": 3}, "until": {"beat_index": 2}} | B, "must come after"),
    ],
)
def test_what_can_not_be_put_in(song, edit, text):
    assert text in song.refused(insert=edit)


def test_a_deleted_segments_time_goes_to_the_one_before(song):
    edl = song.edit({"delete": {"segment_index": 2}})
    assert (assets(edl), beats(edl)) == ("abab", [0, 4, 12, 16])
    assert edl.segments[1].effect == song.edl.segments[1].effect
    edl = song.edit({"delete": {"segment_index": 4}})
    assert edl.segments[-1].timeline_out_frame == 300
    assert edl.segments[-1].source_in_us == song.edl.segments[3].source_in_us


def test_after_the_first_is_deleted_the_next_begins_the_video(make):
    way = {"type": edl_pb2.TRANSITION_TYPE_CROSSFADE, "frames": 8}
    song = Song(make, transition=way)
    edl = song.edit({"delete": {"segment_index": 0}})
    assert (assets(edl), beats(edl)) == ("bcab", [0, 8, 12, 16])
    assert edl.segments[0].transition_in.type == edl_pb2.TRANSITION_TYPE_CUT
    assert edl.segments[0].cut == song.edl.segments[0].cut


@MANY
@given(data=st.data())
def test_after_a_delete_the_others_show_what_they_showed(make, data):
    case = data.draw(cases(make))
    assume(len(case.edl.segments) > 1)
    index = data.draw(st.integers(0, len(case.edl.segments) - 1))
    edit = TimelineEdit(delete={"segment_index": index})
    edl = apply_edits(case.edl, *case.inputs, [edit]).edl
    left = contents(case.edl)
    del left[index]
    assert contents(edl) == left


def test_the_last_segment_left_can_not_be_deleted(make):
    song = Song(make)
    song.edl = song.edit({"merge": {"segment_index": 0, "count": 5}})
    assert "only segment" in song.refused(delete={"segment_index": 0})


def test_a_replaced_segment_shows_the_other(song):
    edl = song.edit(
        {"replace": {"segment_index": 1, "media_asset_id": "c", "source_in_us": 500_000}}
    )
    new = edl.segments[1]
    assert (new.media_type, new.media_asset_id) == (common_pb2.MEDIA_TYPE_VIDEO, "c")
    assert (new.source_in_us, new.source_out_us) == (500_000, 2_500_000)
    assert not new.HasField("effect")
    assert edl.segments[2:] == song.edl.segments[2:]


def test_a_split_clip_goes_on_in_its_second_half(song):
    edl = song.edit({"split": {"at": {"beat_index": 1}}})
    first, second, whole = *edl.segments[:2], song.edl.segments[0]
    assert first.source_in_us == whole.source_in_us
    assert second.source_in_us == first.source_out_us == whole.source_in_us + 500_000
    assert second.source_out_us == whole.source_out_us
    assert second.transition_in.type == edl_pb2.TRANSITION_TYPE_CUT
    assert second.cut.rule == GIVEN


@pytest.mark.parametrize(
    ("at", "beat"),
    [
        ({"time_us": 1_240_000}, 2),
        ({"time_us": 1_260_000}, 3),
        ({"time_us": 3_100_000, "snap": timeline_edit_pb2.SNAP_TO_BEAT}, 6),
        ({"time_us": 1_010_000, "tolerance_us": 10_000}, 2),
    ],
)
def test_a_time_is_drawn_to_the_nearest(song, at, beat):
    assert beat in beats(song.edit({"split": {"at": at}}))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ({"time_us": 1_010_000, "tolerance_us": 9_999}, "beat 2 at 1.000 s, 0.010 s away"),
        ({"time_us": 1, "snap": timeline_edit_pb2.SNAP_TO_DOWNBEAT}, "begins on beat 0 already"),
        ({"time_us": 2_100_000, "snap": timeline_edit_pb2.SNAP_TO_BAR}, "begins on beat 4"),
        ({"time_us": 3_000_000, "snap": timeline_edit_pb2.SNAP_TO_SECTION}, "on beat 8 already"),
        ({"time_us": 3_000_000, "tolerance_us": -1}, "tolerance_us must be 0 or more"),
        ({"beat_index": -1}, "beats 0 to 19, not -1"),
    ],
)
def test_where_nothing_can_be_split(song, at, text):
    assert text in song.refused(split={"at": at})


def test_a_grid_without_sections_has_none_to_snap_to(song):
    del song.grid.sections[:]
    at = {"time_us": 1, "snap": timeline_edit_pb2.SNAP_TO_SECTION}
    assert "has no section to snap to" in song.refused(split={"at": at})


@MANY
@given(data=st.data())
def test_what_is_split_shows_the_same_and_merges_back(make, data):
    case = data.draw(cases(make))
    inside = uncut_beats(case)
    assume(inside)
    beat = data.draw(st.sampled_from(inside))
    split = apply_edits(
        case.edl, *case.inputs, [TimelineEdit(split={"at": {"beat_index": beat}})]
    ).edl
    index = beats(split).index(beat) - 1
    merge = TimelineEdit(merge={"segment_index": index, "count": 2})
    merged = apply_edits(split, *case.inputs, [merge]).edl
    whole, back = case.edl.segments[index], merged.segments[index]
    if whole.transition_in.frames <= back.transition_in.frames:
        assert merged == case.edl
    assert contents(merged) == contents(case.edl)
    assert back.speed == whole.speed
    assert back.source_out_us == whole.source_out_us


@MANY
@given(data=st.data())
def test_both_halves_of_a_split_show_what_was_shown(make, data):
    case = data.draw(cases(make))
    inside = uncut_beats(case)
    assume(inside)
    beat = data.draw(st.sampled_from(inside))
    split = TimelineEdit(split={"at": {"beat_index": beat}})
    edl = apply_edits(case.edl, *case.inputs, [split]).edl
    index = beats(edl).index(beat) - 1
    whole = case.edl.segments[index]
    for half in edl.segments[index : index + 2]:
        for frame in range(half.timeline_in_frame, half.timeline_out_frame):
            if whole.media_type == common_pb2.MEDIA_TYPE_VIDEO:
                then, now = (
                    moment_at(item, frame, edl.output.frame_rate) for item in (whole, half)
                )
                # A clip that begins again in its second half does so from where the half begins.
                assert abs(then - now) <= 50 or wraps(whole, edl)
            else:
                pairs = zip(part_at(whole, frame), part_at(half, frame), strict=True)
                assert all(abs(one - other) <= 1 for one, other in pairs)


def wraps(segment, edl) -> bool:
    """Whether a clip begins again inside its segment."""
    frames = segment.timeline_out_frame - segment.timeline_in_frame
    shown = source_offset_us(segment.speed, frames, edl.output.frame_rate)
    loops = segment.fill == edl_pb2.FILL_POLICY_LOOP
    return loops and shown > segment.source_out_us - segment.source_in_us


def uncut_beats(case) -> list[int]:
    """The beats inside segments."""
    rate = case.edl.output.frame_rate
    taken = {segment.timeline_in_frame for segment in case.edl.segments}
    start = case.edl.audio.offset_us
    frames = [frame_at(beat.time_us - start, rate) for beat in case.grid.beats]
    end = case.edl.segments[-1].timeline_out_frame
    return [beat for beat, frame in enumerate(frames) if frame not in taken and 0 < frame < end]


def test_merged_segments_show_the_first_ones_picture(song):
    edl = song.edit({"merge": {"segment_index": 2, "count": 3}})
    assert (assets(edl), beats(edl)) == ("abc", [0, 4, 8])
    # Three seconds of clip are all that there is: it begins again.
    assert (edl.segments[2].source_in_us, edl.segments[2].source_out_us) == (
        song.edl.segments[2].source_in_us,
        3_000_000,
    )


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"segment_index": 3, "count": 3}, "count: must be 2 to 2 from segment 3 on"),
        ({"segment_index": 3, "count": 1}, "count: must be 2 to 2"),
        ({"segment_index": 4, "count": 2}, "segment 4 is the last"),
        ({"segment_index": 5, "count": 2}, "segments 0 to 4, not 5"),
    ],
)
def test_what_can_not_be_merged(song, edit, text):
    assert text in song.refused(merge=edit)


def test_no_more_segments_than_are_allowed(song):
    limits = default_limits()
    limits.max_segments = 5
    edit = TimelineEdit(split={"at": {"beat_index": 1}})
    with pytest.raises(BeatStitchError, match="makes 6 segments; 5 are allowed"):
        apply_edits(song.edl, song.grid, song.media, song.wish, [edit], limits=limits)
