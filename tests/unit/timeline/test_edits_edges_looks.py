"""Edits that move cuts, show another part of a clip, or overrule the settings."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_edit_pb2, timeline_pb2
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.moves import move_ends
from beatstitch_timeline.seen import same_picture

from .edit_cases import WINDOW_END_US, cases
from .edit_song import Song, assets, beats

MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OUT = timeline_edit_pb2.SEGMENT_EDGE_OUT
CROSSFADE, PUSH = edl_pb2.TRANSITION_TYPE_CROSSFADE, edl_pb2.TRANSITION_TYPE_PUSH


@pytest.fixture
def song(make):
    return Song(make)


def test_a_trimmed_in_edge_keeps_the_clips_first_picture(song):
    edl = song.edit({"trim": {"segment_index": 2, "to": {"beat_index": 6}}})
    new, old = edl.segments[2], song.edl.segments[2]
    assert beats(edl) == [0, 4, 6, 12, 16]
    assert new.source_in_us == old.source_in_us
    # It is three seconds long now, as the clip is.
    assert new.source_out_us == min(old.source_in_us + 3_000_000, 3_000_000)
    assert new.cut.rule == edl_pb2.CUT_RULE_GIVEN
    assert edl.segments[1].effect == song.edl.segments[1].effect


def test_a_trimmed_out_edge_lets_the_next_clip_give_or_take(song):
    edl = song.edit({"trim": {"segment_index": 2, "edge": OUT, "to": {"beat_index": 13}}})
    old, new = song.edl.segments[3], edl.segments[3]
    assert beats(edl) == [0, 4, 8, 13, 16]
    assert new.source_in_us == old.source_in_us + 500_000
    assert new.source_out_us == old.source_out_us
    # What isn't there before the clip's first picture can't be given.
    edl = song.edit({"trim": {"segment_index": 1, "edge": OUT, "to": {"beat_index": 6}}})
    assert edl.segments[2].source_in_us == 0


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"segment_index": 0, "to": {"beat_index": 1}}, "its IN can't be moved"),
        ({"segment_index": 4, "edge": OUT, "to": {"beat_index": 18}}, "its OUT can't be moved"),
        ({"segment_index": 2, "to": {"beat_index": 4}}, "beats 5 to 11 do"),
        ({"segment_index": 2, "to": {"beat_index": 12}}, "beats 5 to 11 do"),
        ({"segment_index": 2, "edge": OUT, "to": {"beat_index": 8}}, "beats 9 to 15 do"),
        ({"segment_index": 2}, "to: must be given"),
        ({"segment_index": 2, "edge": 7, "to": {"beat_index": 9}}, "must be IN or OUT, not 7"),
    ],
)
def test_where_no_edge_can_be(song, edit, text):
    assert text in song.refused(trim=edit)


def test_a_rolled_cut_lets_both_show_what_they_would_have(song):
    edl = song.edit({"roll": {"segment_index": 3, "to": {"beat_index": 14}}})
    assert beats(edl) == [0, 4, 8, 14, 16]
    assert edl.segments[3].source_in_us == song.edl.segments[3].source_in_us + 1_000_000
    assert edl.segments[3].source_out_us == song.edl.segments[3].source_out_us
    edl = song.edit({"roll": {"segment_index": 3, "to": {"beat_index": 11}}})
    assert edl.segments[3].source_in_us == song.edl.segments[3].source_in_us - 500_000


def test_a_clip_can_not_be_rolled_before_its_first_picture(song):
    text = song.refused(roll={"segment_index": 2, "to": {"beat_index": 7}})
    assert "only 0.000 s before its first frame, 0.500 s too little for beat 7" in text
    assert "beats 13 to 19" in song.refused(roll={"segment_index": 4, "to": {"beat_index": 12}})
    assert "1 or more" in song.refused(roll={"segment_index": 0, "to": {"beat_index": 1}})


@MANY
@given(data=st.data())
def test_a_cut_rolled_there_and_back_is_where_it_was(make, data):
    case = data.draw(cases(make))
    assume(len(case.edl.segments) > 1)
    index = data.draw(st.integers(1, len(case.edl.segments) - 1))
    here = case.edl.segments[index].cut.beat_index
    there = data.draw(st.integers(max(here - 4, 0), here + 4))
    edits = [
        TimelineEdit(roll={"segment_index": index, "to": {"beat_index": beat}})
        for beat in (there, here)
    ]
    half = done(case, case.edl, edits[0])
    assume(half is not None)
    old, new = case.edl.segments[index], half.segments[index]
    both = max(old.timeline_in_frame, new.timeline_in_frame), old.timeline_out_frame
    # A clip that has begun again can't be followed back; a move lasts as long as its segment.
    assume(not repeats(case, old))
    if not old.effect.HasField("ken_burns"):
        assert same_picture(old, new, *both, case.edl.output.frame_rate)

    back = done(case, half, edits[1])
    assert back is not None
    assert beats(back) == beats(case.edl)
    for one, other in zip(back.segments, case.edl.segments, strict=True):
        assert one.media_asset_id == other.media_asset_id
        assert one.transition_in == other.transition_in
        assert one.accents == other.accents
        assert one.effect == other.effect
        # A length in microseconds is rounded on the way there and on the way back.
        assert abs(one.source_in_us - other.source_in_us) <= 1


def done(case, edl, edit):
    try:
        return apply_edits(edl, *case.inputs, [edit]).edl
    except BeatStitchError:
        return None


def repeats(case, segment) -> bool:
    """Whether a clip has another speed, or ends with its segment or before."""
    lengths = {item.asset_id: item.info.duration_us for item in case.media}
    ends = {lengths[segment.media_asset_id], WINDOW_END_US} - {0}
    return segment.source_out_us in ends or segment.HasField("speed")


def test_a_slipped_clip_shows_a_later_part(song):
    edl = song.edit({"slip": {"segment_index": 0, "delta_us": 250_000}})
    assert edl.segments[0].source_in_us == song.edl.segments[0].source_in_us + 250_000
    assert edl.segments[0].source_out_us == song.edl.segments[0].source_out_us + 250_000
    assert edl.segments[1:] == song.edl.segments[1:]


def test_a_clip_can_not_be_slipped_past_its_ends(song):
    assert "-0 to" not in song.refused(slip={"segment_index": 2, "delta_us": -1})
    assert "must be 0 to 1000000" in song.refused(slip={"segment_index": 2, "delta_us": 1_000_001})
    song.edit({"slip": {"segment_index": 2, "delta_us": 1_000_000}})
    assert "shows a picture" in song.refused(slip={"segment_index": 1, "delta_us": 1})


def override(song, index, **edit):
    return song.edit({"override": {"segment_index": index} | edit}).segments[index]


def test_a_way_in_is_overruled_and_shortened(song):
    way = override(song, 1, transition_in={"type": PUSH}).transition_in
    assert (way.frames, way.direction) == (8, edl_pb2.DIRECTION_LEFT)
    way = override(song, 1, transition_in={"type": CROSSFADE, "frames": 99, "align": 3})
    assert (way.transition_in.frames, way.transition_in.align) == (30, 3)
    assert "no segment before it" in song.refused(
        override={"segment_index": 0, "transition_in": {"type": CROSSFADE}}
    )
    assert "transition_in.direction" in song.refused(
        override={"segment_index": 1, "transition_in": {"type": CROSSFADE, "direction": 1}}
    )


def test_the_clip_before_gets_the_handle_that_a_later_way_in_needs(song):
    way = {"type": CROSSFADE, "frames": 15, "align": edl_pb2.TRANSITION_ALIGN_START}
    edl = song.edit({"override": {"segment_index": 1, "transition_in": way}})
    assert edl.segments[0].source_out_us == song.edl.segments[0].source_out_us + 500_000


def test_another_fit_reshapes_the_move(song):
    fit = override(song, 1, fit=edl_pb2.FIT_CONTAIN)
    assert fit.fit == edl_pb2.FIT_CONTAIN
    old = move_ends(song.edl.segments[1].effect.ken_burns)
    for was, becomes in zip(old, move_ends(fit.effect.ken_burns), strict=True):
        assert becomes.w == pytest.approx(becomes.h, abs=2)
        assert becomes.w == pytest.approx(was.w, abs=1)


def test_a_focus_comes_with_its_fit_and_goes_with_it(song):
    focus = override(song, 1, fit=edl_pb2.FIT_FOCUS)
    assert (focus.focus.x, focus.focus.y) == (32_768, 32_768)
    edl = song.edit(
        {"override": {"segment_index": 1, "fit": 4, "focus": {"x": 1, "y": 2}}},
        {"override": {"segment_index": 2, "fit": 4}},
        {"override": {"segment_index": 2, "fit": edl_pb2.FIT_BLUR}},
    )
    assert (edl.segments[1].focus.x, edl.segments[1].focus.y) == (1, 2)
    assert not edl.segments[2].HasField("focus")
    assert "for FIT_FOCUS only" in song.refused(override={"segment_index": 1, "focus": {"x": 1}})


def test_a_picture_stands_still_or_moves_as_told(song):
    still = override(song, 1, image_motion=timeline_pb2.IMAGE_MOTION_STILL)
    assert not still.HasField("effect")
    nearer = override(song, 1, image_motion=timeline_pb2.IMAGE_MOTION_ZOOM_IN)
    begin, end = move_ends(nearer.effect.ken_burns)
    assert end.w < begin.w
    assert "shows a clip" in song.refused(override={"segment_index": 0, "image_motion": 1})


def test_a_clips_speed_is_overruled(song):
    fast = override(song, 0, speed_permille=2000)
    assert [(p.frame, p.rate) for p in fast.speed.points] == [(0, 131_072)]
    assert fast.source_out_us - fast.source_in_us == 4_000_000
    edl = song.edit(
        {"override": {"segment_index": 0, "speed_permille": 100}},
        {"override": {"segment_index": 0, "speed_permille": 1000}},
    )
    assert edl == song.edl
    assert "100 to 10000" in song.refused(override={"segment_index": 0, "speed_permille": 99})
    assert "shows a picture" in song.refused(override={"segment_index": 1, "speed_permille": 500})


def test_a_speed_goes_along_with_its_clip(song):
    edl = song.edit(
        {"override": {"segment_index": 0, "speed_permille": 500}},
        {"move": {"segment_index": 0, "to_index": 3}},
    )
    assert assets(edl) == "bcaab"
    assert [bool(s.speed.points) for s in edl.segments] == [False, False, False, True, False]


def test_a_duration_in_beats_moves_the_end(song):
    assert beats(song.edit({"override": {"segment_index": 1, "duration_beats": 6}})) == [
        0,
        4,
        10,
        12,
        16,
    ]
    edit = {"segment_index": 1, "duration_beats": 8}
    assert "beats 5 to 11 do" in song.refused(override=edit)
    edit = {"segment_index": 4, "duration_beats": 2}
    refused = song.refused(override=edit)
    assert "OUT can't be moved" in refused
    # The field is one that the edit has.
    assert "duration_beats: " in refused
    assert "edge" not in refused


def test_the_lead_in_is_no_beat(make):
    song = Song(make)
    song.grid = make.grid([700_000 + i * 500_000 for i in range(20)], 10_800_000)
    song = late(song, make)
    assert beats(song.edl)[:2] == [-1, 4]
    edl = song.edit({"override": {"segment_index": 0, "duration_beats": 2}})
    assert beats(edl)[:2] == [-1, 2]


def late(song, make):
    song.edl = build_edl(make.PROJECT, make.song(), song.grid, song.media, song.wish)
    return song


def test_accents_are_overruled_and_taken_away(make):
    song = Song(make, accents=[{"type": 1, "beats": 2}])
    assert len(song.edl.segments[1].accents) == 4
    none = override(song, 1, accents={})
    assert not none.accents
    flashes = override(song, 1, accents={"rules": [{"type": 2, "beats": 1, "duration_ms": 100}]})
    assert [(a.type, a.frame, a.frames, a.amount) for a in flashes.accents] == [(2, 0, 3, 32_768)]
    text = song.refused(override={"segment_index": 1, "accents": {"rules": [{"beats": 1}]}})
    assert "accents.rules[0].type: must be" in text


def test_accents_of_a_changed_segment_are_on_its_beats(make):
    song = Song(make, accents=[{"type": 1, "beats": 2, "duration_ms": 100}])
    edl = song.edit({"trim": {"segment_index": 1, "to": {"beat_index": 2}}})
    assert [a.frame for a in edl.segments[0].accents] == [0, 15]
    assert [a.frame for a in edl.segments[1].accents] == [0, 15, 30, 45, 60, 75]
    # Those that were overruled stay on their beats and don't come back.
    edl = song.edit(
        {"override": {"segment_index": 1, "accents": {"rules": [{"type": 2}]}}},
        {"trim": {"segment_index": 1, "to": {"beat_index": 2}}},
    )
    assert [(a.type, a.frame) for a in edl.segments[1].accents] == [(2, 30)]


def test_accents_that_were_overruled_stay_when_their_segment_is_cut(make):
    song = Song(make, accents=[{"type": 1, "beats": 1}])
    flashes = {"override": {"segment_index": 1, "accents": {"rules": [{"type": 2, "beats": 2}]}}}
    edl = song.edit(flashes, {"split": {"at": {"beat_index": 6}}})
    told = [[(a.type, a.frame) for a in segment.accents] for segment in edl.segments[1:3]]
    assert told == [[(2, 0), (2, 15)], [(2, 0), (2, 15)]]
    edl = song.edit(flashes, {"insert": {"at": {"beat_index": 6}, "media_asset_id": "b"}})
    assert [len(segment.accents) for segment in edl.segments[1:3]] == [2, 0]


def test_fill_policies_are_worked_in(song):
    song.edl = song.edit({"merge": {"segment_index": 2, "count": 2}})
    assert override(song, 2, fill=edl_pb2.FILL_POLICY_HOLD).fill == edl_pb2.FILL_POLICY_HOLD
    fits = override(song, 2, fill=edl_pb2.FILL_POLICY_SPEED_FIT)
    assert fits.fill == edl_pb2.FILL_POLICY_HOLD
    assert [point.rate for point in fits.speed.points] == [65_536 * 3 // 4]
    assert "NO_REPEAT needs 4.000 s" in song.refused(override={"segment_index": 2, "fill": 4})
    assert override(song, 0, fill=4).fill == edl_pb2.FILL_POLICY_HOLD
    shorter = {"segment_index": 2, "fill": 4, "duration_beats": 6}
    song.edit({"override": shorter})


def test_an_edit_that_says_nothing_is_refused(song):
    assert "edits[0]: no edit is given" in song.refused()


def test_an_even_grid_is_edited_on_its_own_beats(make):
    song = Song(make, on_low_confidence=timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID)
    del song.grid.beats[1:]
    song.grid.bpm = 60
    song = late(song, make)
    assert [s.cut.beat_time_us for s in song.edl.segments] == [0, 4_000_000, 8_000_000]
    edl = song.edit({"split": {"at": {"beat_index": 3}}})
    assert edl.segments[1].timeline_in_frame == frame_at(3_000_000, edl.output.frame_rate)
