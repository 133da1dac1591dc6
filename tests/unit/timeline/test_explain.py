"""Why a segment begins where it does and shows what it does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.internal.v1.timeline_engine_service_pb2 import BuildTimelineRequest
from beatstitch.v1 import edl_pb2, failure_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.beat_grid_pb2 import Section
from beatstitch.v1.edl_pb2 import Segment
from beatstitch.v1.timeline_edit_pb2 import KeptEdit, TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import (
    AssetRule,
    BarBeats,
    BeatLengths,
    BuildUp,
    CutPattern,
    EnergyDensity,
)
from beatstitch_core.bars import bars_of
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.explain import explain
from beatstitch_timeline.explain.rule_text import pattern_text, rule_text
from beatstitch_timeline.explain.touched import touching

SCORE = timeline_rules_pb2.CHOICE_ORDER_SCORE
NO_REPEAT = edl_pb2.FILL_POLICY_NO_REPEAT


@pytest.fixture
def request_of(make):
    """A build request: 32 beats of half a second after a lead-in of 1.2 s, two sections."""

    def build(media, **settings):
        grid = make.grid([1_200_000 + 500_000 * i for i in range(32)], 18_000_000)
        grid.bpm_confidence, grid.beats_per_bar = 1.0, 4
        for i, beat in enumerate(grid.beats):
            beat.energy = 0.2 if i < 16 else 0.9
        grid.sections.add(start_us=0, end_us=9_200_000, label="A", energy=0.3)
        grid.sections.add(start_us=9_200_000, end_us=18_000_000, label="B", energy=1, name="drop")
        grid.bars.extend(bars_of(grid.beats, grid.duration_us))
        return BuildTimelineRequest(
            project_id=make.PROJECT,
            audio=make.song(),
            beat_grid=grid,
            media=media,
            settings=TimelineSettings(**settings),
        )

    return build


def edl_of(build):
    return build_edl(build.project_id, build.audio, build.beat_grid, build.media, build.settings)


def test_where_the_cut_is(make, request_of):
    build = request_of([make.image("a"), make.image("b")])
    edl = edl_of(build)
    why = explain(build, edl, 1)
    assert why.segment == edl.segments[1]
    assert why.beat == build.beat_grid.beats[4]
    assert why.bar_index == 1
    assert why.section.label == "A"
    # 3.2 s is frame 96 exactly.
    assert why.frame_error_us == 0
    assert (why.rule, why.rule_path) == ("On every 4th beat.", "beats_per_cut")
    assert list(why.edit_indices) == []


def test_how_far_the_frame_is_from_the_beat(make, request_of):
    build = request_of([make.image("a")], beats_per_cut=1)
    build.settings.output.frame_rate.num = 24
    edl = edl_of(build)
    for index, segment in enumerate(edl.segments):
        why = explain(build, edl, index)
        if not index:
            continue
        frame_us = segment.timeline_in_frame * 1_000_000 / 24
        assert abs(why.frame_error_us - (frame_us - segment.cut.beat_time_us)) <= 0.5
        assert abs(why.frame_error_us) <= 20_834


def test_the_start_of_the_video_has_no_beat(make, request_of):
    build = request_of([make.image("a")])
    why = explain(build, edl_of(build), 0)
    assert not why.HasField("beat")
    assert why.bar_index == -1
    assert why.section.label == "A"
    assert (why.rule_path, why.frame_error_us) == ("", 0)
    assert "begins" in why.rule


def test_a_trim_counts_frames_from_where_it_begins(make, request_of):
    build = request_of([make.image("a")], audio_start_us=2_000_000)
    edl = edl_of(build)
    why = explain(build, edl, 1)
    assert abs(why.frame_error_us) <= 16_667
    assert why.beat.time_us == edl.segments[1].cut.beat_time_us


def test_a_section_with_a_rule_of_its_own(make, request_of):
    build = request_of([make.image("a")])
    rule = build.settings.section_rules.add(name="drop")
    rule.cut.every_n_beats = 2
    edl = edl_of(build)
    starts = [s.cut.beat_time_us for s in edl.segments]
    opening = explain(build, edl, starts.index(9_200_000))
    assert opening.rule == "Section 'drop' begins here, and has a rule of its own."
    assert opening.rule_path == "section_rules[0]"
    inner = explain(build, edl, starts.index(10_200_000))
    assert inner.rule == "On every 2nd beat, in section 'drop'."
    assert inner.rule_path == "section_rules[0].cut.every_n_beats"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (CutPattern(every_n_beats=1), "On each beat."),
        (CutPattern(every_n_beats=11), "On every 11th beat."),
        (CutPattern(every_n_beats=22), "On every 22nd beat."),
        (CutPattern(), "On every 3rd beat."),
        (
            CutPattern(lengths=BeatLengths(beats=[4, 4, 2])),
            "Shots of 4, 4, 2 beats, again and again.",
        ),
        (CutPattern(bar_beats=BarBeats(beat_numbers=[2, 4])), "On beats 2 and 4 of each bar."),
        (
            CutPattern(bar_beats=BarBeats(beat_numbers=[1], every_n_bars=2)),
            "On beat 1 of every 2nd bar.",
        ),
        (
            CutPattern(build_up=BuildUp(from_beats=8, to_beats=1)),
            "Faster and faster: shots of 8 down to 1 beats.",
        ),
        (
            CutPattern(energy=EnergyDensity(shortest_us=500_000, longest_us=4_000_000)),
            "As dense as the song is loud: shots of 4 s where quiet, 0.5 s where loud.",
        ),
    ],
)
def test_patterns_in_words(pattern, text):
    assert pattern_text(pattern, 3) == text


@pytest.mark.parametrize("rule", edl_pb2.CutRule.values())
def test_every_rule_has_words(rule):
    full = with_defaults(TimelineSettings())
    for path in ("", "beats_per_cut", "cut.energy", "section_rules[7].cut.energy"):
        for section in (None, Section(label="A")):
            assert rule_text(rule, path, full, section).endswith(".")


def test_by_position_the_line_is_shown(make, request_of):
    media = [make.image("a"), make.image("b"), make.image("c")]
    build = request_of(media)
    why = explain(build, edl_of(build), 1)
    assert [item.asset_id for item in why.candidates] == ["b", "c", "a"]
    assert why.candidates[0].score_permille == 1000
    assert [item.excluded for item in why.candidates] == ["", "", "has had its turn in this round"]
    assert why.choice == "'b.bin' is next in the given order."


def test_why_others_could_not_be_taken(make, request_of):
    media = [
        make.clip("short", 500_000),
        make.clip("cut away", 9_000_000),
        make.clip("a", 60_000_000),
        make.clip("b", 60_000_000),
    ]
    build = request_of(media, fill=NO_REPEAT)
    build.settings.choice.order = SCORE
    build.settings.choice.no_repeat_window = 1
    build.settings.choice.assets.append(AssetRule(asset_id="cut away", in_us=9_000_000))
    edl = edl_of(build)
    why = explain(build, edl, 2)
    excluded = {item.asset_id: item.excluded for item in why.candidates}
    assert why.candidates[0].asset_id == edl.segments[2].media_asset_id
    assert excluded["short"] == "too short: has 0.5 s, needs 2 s"
    assert excluded["cut away"] == "window: its rule leaves nothing of it"
    assert excluded[edl.segments[1].media_asset_id] == "shown 1 segment ago"
    assert excluded[edl.segments[2].media_asset_id] == ""


def test_scores_are_given_term_by_term(make, request_of):
    media = [make.image("photo"), make.clip("clip", 20_000_000)]
    build = request_of(media)
    build.settings.choice.order = SCORE
    build.settings.choice.images_on_calm = True
    edl = edl_of(build)
    for index, segment in enumerate(edl.segments):
        why = explain(build, edl, index)
        best = why.candidates[0]
        assert best.asset_id == segment.media_asset_id
        for item in why.candidates:
            assert sum(term.permille for term in item.terms) == item.score_permille
        assert best.score_permille == max(item.score_permille for item in why.candidates)
        assert "best score" in why.choice
        assert f"{best.score_permille}" in why.choice


def test_once_each_and_no_more(make, request_of):
    build = request_of([make.image(name) for name in "abcdefghij"])
    build.settings.choice.order = SCORE
    build.settings.choice.reuse = timeline_rules_pb2.MEDIA_REUSE_END
    why = explain(build, edl_of(build), 1)
    assert why.candidates[-1].excluded == "weight: shown as often as it may be"


def test_the_part_of_a_clip_is_told(make, request_of):
    build = request_of([make.clip("c", 1_000_000)], fill=edl_pb2.FILL_POLICY_SPEED_FIT)
    why = explain(build, edl_of(build), 1)
    assert why.choice.endswith("It shows the clip from 0 s to 1 s at 50 % of its speed.")


def test_only_a_clip_that_runs_out_begins_again(make, request_of):
    long = request_of([make.clip("c", 60_000_000)])
    assert explain(long, edl_of(long), 0).choice.endswith("It shows the clip from 0 s to 3.2 s.")
    short = request_of([make.clip("c", 1_000_000)])
    short_text = explain(short, edl_of(short), 1).choice
    assert short_text.endswith("It shows the clip from 0 s; at 1 s it begins again.")


def test_a_ramp_is_told_in_its_order(make, request_of):
    build = request_of([make.clip("c", 60_000_000)])
    build.settings.speed_ramp.peak_permille = 501
    text = explain(build, edl_of(build), 1).choice
    assert "at 100 % to 50 % of its speed" in text


def test_at_most_twenty_candidates_the_chosen_one_first(make, request_of):
    build = request_of([make.image(f"{i:02}") for i in range(40)])
    build.settings.choice.order = timeline_rules_pb2.CHOICE_ORDER_SHUFFLE
    edl = edl_of(build)
    for index in (0, 3):
        why = explain(build, edl, index)
        assert len(why.candidates) == 20
        assert why.candidates[0].asset_id == edl.segments[index].media_asset_id
        assert "shuffled" in why.choice


def test_a_window_that_can_not_be_kept_is_said(make, request_of):
    build = request_of([make.clip("l", 60_000_000), make.clip("s", 10_000)], fill=NO_REPEAT)
    build.settings.choice.order = SCORE
    build.settings.choice.no_repeat_window = 1
    why = explain(build, edl_of(build), 1)
    assert why.choice.startswith("'l.bin' was shown 1 segment ago, but")
    assert why.candidates[0].excluded == ""


def touched(build, edl):
    return [list(explain(build, edl, i).edit_indices) for i in range(len(edl.segments))]


def test_the_edits_that_touched_a_segment(make, request_of):
    build = request_of([make.image("a"), make.image("b")])
    edl = edl_of(build)
    cuts = [edl.audio.offset_us, *(s.cut.beat_time_us for s in edl.segments[1:])]
    swap, replace, move, split = (KeptEdit() for _ in range(4))
    swap.edit.swap.segment_index, swap.edit.swap.other_index = 0, 3
    swap.anchor_us.extend([cuts[0], cuts[3]])
    replace.edit.replace.segment_index = 5
    replace.anchor_us.append(cuts[5])
    move.edit.move.segment_index, move.edit.move.to_index = 4, 2
    move.anchor_us.extend([cuts[4], cuts[2]])
    split.edit.split.at.beat_index = 12
    split.anchor_us.append(cuts[7])
    build.overlay.edits.extend([swap, replace, move, split])
    assert touched(build, edl) == [[0], [], [2], [0, 2], [2], [1], [3], [3]]


def test_an_edits_own_choice_has_no_candidates(make, request_of):
    build = request_of([make.image("a"), make.image("b")])
    edl = edl_of(build)
    edl.segments[1].media_asset_id = "a"
    by_hand = explain(build, edl, 1)
    assert not by_hand.candidates
    assert by_hand.choice.startswith("It was put there by hand")
    kept = KeptEdit(anchor_us=[edl.segments[1].cut.beat_time_us])
    kept.edit.replace.segment_index = 1
    build.overlay.edits.append(kept)
    by_edit = explain(build, edl, 1)
    assert list(by_edit.edit_indices) == [0]
    assert not by_edit.candidates
    assert by_edit.choice == "An edit chose it."


def test_a_moved_cut_is_nobodys_rule(make, request_of):
    build = request_of([make.image("a"), make.image("b")])
    edl = edl_of(build)
    segment, beat = edl.segments[1], build.beat_grid.beats[5]
    segment.cut.rule, segment.cut.beat_index = edl_pb2.CUT_RULE_GIVEN, 5
    segment.cut.beat_time_us = beat.time_us
    segment.timeline_in_frame = edl.segments[0].timeline_out_frame = 111
    why = explain(build, edl, 1)
    assert why.beat == beat
    assert why.rule_path == ""
    assert why.rule == "Put here by a person or a client."


def test_a_clients_own_edl_is_explained_as_far_as_it_can_be(make, request_of):
    build = request_of([make.image("a"), make.image("b")])
    edl = edl_of(build)
    del build.media[:]
    why = explain(build, edl, 2)
    assert why.beat == build.beat_grid.beats[8]
    assert not why.candidates
    build.beat_grid.Clear()
    bare = explain(build, edl, 2)
    assert not bare.HasField("beat")
    assert not bare.HasField("section")
    assert bare.bar_index == -1
    assert bare.rule == "Every so many beats."


def test_an_even_grid_has_its_own_beats(make, request_of):
    even = timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID
    build = request_of([make.image("a")], on_low_confidence=even)
    build.beat_grid.bpm_confidence = 0.1
    build.beat_grid.bpm = 100
    edl = edl_of(build)
    why = explain(build, edl, 2)
    assert why.beat.time_us == edl.segments[2].cut.beat_time_us == 1_200_000 + 8 * 600_000


@pytest.mark.parametrize("index", [-1, 99])
def test_there_is_no_such_segment(make, request_of, index):
    build = request_of([make.image("a")])
    with pytest.raises(BeatStitchError) as caught:
        explain(build, edl_of(build), index)
    assert caught.value.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    assert caught.value.violations[0].field == "segment_index"


@st.composite
def any_edit(draw):
    """An edit of any kind of a timeline of 20 segments of 4 beats."""
    segment, other, beat = st.integers(0, 19), st.integers(0, 19), st.integers(0, 79)
    kind = draw(st.sampled_from([field.name for field in TimelineEdit.DESCRIPTOR.fields]))
    edit = TimelineEdit()
    inner = getattr(edit, kind)
    inner.SetInParent()
    values = {
        "segment_index": segment,
        "to_index": other,
        "other_index": other,
        "count": st.integers(2, 4),
        "edge": st.integers(1, 2),
        "media_asset_id": st.sampled_from("abc"),
        "delta_us": st.integers(-2_000_000, 2_000_000),
        "duration_beats": st.integers(0, 8),
        "fit": st.integers(0, 2),
    }
    for field in inner.DESCRIPTOR.fields:
        if field.name in {"at", "until", "to"}:
            if field.name != "until" or draw(st.booleans()):
                getattr(inner, field.name).beat_index = draw(beat)
        elif field.name in values:
            setattr(inner, field.name, draw(values[field.name]))
    return edit


def content(segment):
    same = Segment()
    same.CopyFrom(segment)
    same.index = 0
    for field in ("transition_in", "accents"):  # shortened where a neighbour is
        same.ClearField(field)
    return same


@settings(max_examples=200, deadline=None)
@given(any_edit())
def test_no_changed_segment_is_without_its_edit(make, edit):
    media = [make.image("a"), make.clip("b", 60_000_000), make.clip("c", 60_000_000)]
    grid = make.grid(range(0, 40_000_000, 500_000), 40_000_000)
    edl = build_edl("p", make.song(), grid, media, TimelineSettings())
    try:
        edited = apply_edits(edl, grid, media, TimelineSettings(), [edit])
    except BeatStitchError:
        return
    before = {segment.timeline_in_frame: content(segment) for segment in edl.segments}
    for segment in edited.edl.segments:
        if before.get(segment.timeline_in_frame) != content(segment):
            assert list(touching(edited.edl, segment.index, edited.kept)) == [0]
