"""Settings → spans: sections, shortest and longest shots, the video's end. Worked examples.

Unless a test says otherwise, the song has a beat every half second and bars of four.
"""

from __future__ import annotations

import pytest

from beatstitch.v1 import edl_pb2, failure_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Cut, Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.rules import Trim, plan_video

S = 1_000_000
HALF = 500_000
ONCE_A_BAR = {"every_n_beats": 4}
BEAT, BAR = timeline_rules_pb2.END_ALIGN_BEAT, timeline_rules_pb2.END_ALIGN_BAR
FADE = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=5)
CUT = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)


def song(make, beats, sections=(), first=0, end=None):
    times = [first + i * HALF for i in range(beats)]
    grid = make.grid(times, end or first + beats * HALF)
    grid.beats_per_bar = 4
    for start, stop, label, *more in sections:
        section = grid.sections.add(start_us=start * S, end_us=stop * S, label=label)
        section.energy = more[0] if more else 0.0
        section.name = more[1] if len(more) > 1 else ""
    return grid


def planned(grid, trim=None, **wishes):
    full = with_defaults(TimelineSettings(**wishes))
    return plan_video(grid, trim or Trim(0, grid.duration_us), full)


def cuts(plan):
    return [span.cut.beat_index for span in plan.spans]


def paths(plan):
    return [span.rule_path for span in plan.spans]


def rules(plan):
    return [edl_pb2.CutRule.Name(span.cut.rule)[9:] for span in plan.spans]


ABA = [(0, 8, "A", 0.2), (8, 16, "B", 0.9, "chorus"), (16, 24, "A", 0.4)]


@pytest.mark.parametrize(
    ("cut", "beats", "rule"),
    [
        ({"every_n_beats": 8}, [0, 8, 16, 24], "EVERY_N_BEATS"),
        ({"lengths": {"beats": [8, 4, 4]}}, [0, 8, 12, 16, 24, 28], "PATTERN"),
        ({"bar_beats": {"beat_numbers": [1], "every_n_bars": 2}}, [0, 8, 16, 24], "BAR_BEATS"),
        ({"build_up": {"from_beats": 16, "to_beats": 8}}, [0, 16, 24], "BUILD_UP"),
        ({"energy": {"shortest_us": S, "longest_us": 4 * S}}, [0, 8, 16, 24], "ENERGY"),
    ],
)
def test_the_whole_song_by_one_pattern(make, cut, beats, rule):
    plan = planned(song(make, 32), cut=cut)
    assert cuts(plan) == beats
    assert set(rules(plan)) == {rule}
    assert set(paths(plan)) == {f"cut.{next(iter(cut))}"}


def test_without_a_pattern_beats_per_cut_cuts(make):
    for wish in ({}, {"cut": {}}):
        plan = planned(song(make, 12), beats_per_cut=6, **wish)
        assert cuts(plan) == [0, 6]
        assert set(paths(plan)) == {"beats_per_cut"}


def test_the_chorus_is_cut_twice_as_fast(make):
    plan = planned(
        song(make, 48, ABA),
        beats_per_cut=8,
        section_rules=[{"label": "B", "cut": {"every_n_beats": 4}}],
    )
    assert cuts(plan) == [0, 8, 16, 20, 24, 28, 32, 40]
    assert rules(plan)[1:4] == ["EVERY_N_BEATS", "SECTION", "EVERY_N_BEATS"]
    assert paths(plan)[2:4] == ["section_rules[0]", "section_rules[0].cut.every_n_beats"]
    assert [span.section_index for span in plan.spans] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_between_sections_with_a_rule_beats_count_anew(make):
    sections = [(0, 7, "A"), (7, 11, "B"), (11, 24, "A")]
    plan = planned(
        song(make, 48, sections),
        beats_per_cut=8,
        section_rules=[{"label": "B", "cut": {"every_n_beats": 4}}],
    )
    assert cuts(plan) == [0, 8, 14, 18, 22, 30, 38, 46]


@pytest.mark.parametrize(
    ("which", "sections"),
    [
        ({"label": "A"}, {0, 2}),
        ({"label": "a"}, set()),
        ({"index": 1}, {1}),
        ({"index": -1}, {2}),
        ({"index": 3}, set()),
        ({"name": "chorus"}, {1}),
        ({"energy": {"from_permille": 400, "to_permille": 899}}, {2}),
        ({"energy": {"from_permille": 900}}, {1}),
        ({}, {0, 1, 2}),
    ],
)
def test_which_sections_a_rule_is_for(make, which, sections):
    plan = planned(
        song(make, 48, ABA),
        beats_per_cut=16,
        section_rules=[{**which, "cut": {"every_n_beats": 1}}],
    )
    ruled = {span.section_index for span in plan.spans if span.rule_path.startswith("section")}
    assert ruled == sections


def test_the_first_rule_that_fits_holds(make):
    plan = planned(
        song(make, 48, ABA),
        section_rules=[
            {"name": "chorus", "cut": {"every_n_beats": 2}},
            {"label": "B", "cut": {"every_n_beats": 1}},
            {"cut": {"every_n_beats": 16}},
        ],
    )
    assert cuts(plan) == [0, 16, 18, 20, 22, 24, 26, 28, 30, 32]
    assert {path.split(".")[0] for path in paths(plan)} == {"section_rules[0]", "section_rules[2]"}


def test_a_section_with_a_rule_begins_with_a_cut_whatever_the_pattern(make):
    off_beats = {"bar_beats": {"beat_numbers": [2, 4]}}
    plan = planned(
        song(make, 48, ABA), beats_per_cut=16, section_rules=[{"index": 1, "cut": off_beats}]
    )
    assert cuts(plan)[1:4] == [16, 17, 19]
    assert rules(plan)[1:4] == ["SECTION", "BAR_BEATS", "BAR_BEATS"]


def test_a_build_up_takes_its_section(make):
    plan = planned(
        song(make, 48, [(0, 4, "A"), (4, 20, "B"), (20, 24, "C")]),
        beats_per_cut=8,
        section_rules=[{"label": "B", "cut": {"build_up": {}}}],
    )
    assert cuts(plan)[:8] == [0, 8, 16, 20, 24, 26, 28, 30]
    assert cuts(plan)[8:] == [*range(32, 40), 40]
    assert paths(plan)[2] == "section_rules[0].cut.build_up"


def test_a_rule_for_transitions_alone_cuts_as_the_song_is_cut(make):
    plan = planned(
        song(make, 48, ABA),
        cut={"lengths": {"beats": [6, 10]}},
        section_rules=[{"label": "B", "transition": FADE}, {"label": "A", "transition": CUT}],
    )
    assert cuts(plan) == [0, 6, 16, 22, 32, 38]
    assert paths(plan)[2:4] == ["section_rules[0]", "cut.lengths"]
    ways = [span.transition for span in plan.spans]
    assert [way.type for way in ways] == [CUT.type] * 2 + [FADE.type] * 2 + [CUT.type] * 2


def test_a_section_rule_without_a_transition_leaves_the_settings_own(make):
    plan = planned(song(make, 48, ABA), section_rules=[{"cut": ONCE_A_BAR}], transition=FADE)
    assert all(span.transition is None for span in plan.spans)


def test_a_song_without_sections_has_no_section_to_rule(make):
    plan = planned(song(make, 8), section_rules=[{"cut": {"every_n_beats": 1}}])
    assert cuts(plan) == [0, 4]
    assert [span.section_index for span in plan.spans] == [-1, -1]


def test_a_lead_in_belongs_to_the_first_segment_by_any_pattern(make):
    for cut in ({"every_n_beats": 4}, {"bar_beats": {"beat_numbers": [1]}}):
        assert cuts(planned(song(make, 12, first=S), cut=cut)) == [-1, 4, 8]


def test_a_section_that_begins_after_the_video_is_cut_though_the_first_beat_is_its(make):
    sections = [(0, 10, "A"), (10, 20, "B")]
    grid = song(make, 20, sections, first=10 * S)
    plan = planned(grid, section_rules=[{"label": "B", "cut": {"every_n_beats": 8}}])
    assert cuts(plan) == [-1, 0, 8, 16]
    assert rules(plan)[:2] == ["START", "SECTION"]
    # The video begins inside the section: there is nothing to cut from.
    assert cuts(planned(grid, Trim(10 * S, 20 * S), section_rules=[{"label": "B"}])) == [
        0,
        4,
        8,
        12,
        16,
    ]


def test_a_lead_in_belongs_to_a_section_with_a_rule_too(make):
    grid = song(make, 12, [(0, 7, "A")], first=S)
    plan = planned(grid, section_rules=[{"label": "A", "cut": {"every_n_beats": 4}}])
    assert cuts(plan) == [-1, 4, 8]


def test_what_lies_between_sections_follows_the_settings(make):
    grid = song(make, 24, [(0, 4, "A"), (8, 12, "B")])
    plan = planned(grid, beats_per_cut=4, section_rules=[{"cut": {"every_n_beats": 8}}])
    assert cuts(plan) == [0, 8, 12, 16]
    assert [span.section_index for span in plan.spans] == [0, -1, -1, 1]


def test_a_video_that_begins_inside_a_section_begins_with_no_cut_of_the_section(make):
    grid = song(make, 48, ABA)
    every_four = [{"label": "B", "cut": {"every_n_beats": 4}}]
    inside = planned(grid, Trim(10 * S, 24 * S), section_rules=every_four)
    assert cuts(inside)[:3] == [20, 24, 28]
    assert paths(inside)[0] == "section_rules[0].cut.every_n_beats"
    off_beats = [{"label": "B", "cut": {"bar_beats": {"beat_numbers": [2]}}}]
    assert cuts(planned(grid, Trim(10 * S, 24 * S), section_rules=off_beats))[:2] == [-1, 21]


def test_shots_that_would_be_too_short_are_left_out(make):
    plan = planned(
        song(make, 20), cut={"lengths": {"beats": [4, 1, 1, 2]}}, shortest_shot_us=2 * HALF
    )
    # 4, 5, 6, 8, 12, 13, 14, 16 are wanted; 5 comes too soon after 4 and 13 after 12.
    assert cuts(plan) == [0, 4, 6, 8, 12, 14, 16]


def test_a_shot_of_just_the_shortest_length_stays(make):
    assert len(planned(song(make, 8), beats_per_cut=1, shortest_shot_us=HALF).spans) == 8
    assert len(planned(song(make, 8), beats_per_cut=1, shortest_shot_us=HALF + 1).spans) == 4


def test_the_last_shot_may_be_short(make):
    plan = planned(song(make, 9), beats_per_cut=4, shortest_shot_us=2 * S)
    assert cuts(plan) == [0, 4, 8]


def test_a_sections_own_cut_stays_and_the_one_before_goes(make):
    plan = planned(
        song(make, 48, ABA),
        cut={"lengths": {"beats": [7]}},
        section_rules=[{"index": 1, "cut": {"every_n_beats": 8}}],
        shortest_shot_us=2 * S,
    )
    # 14 comes a second before the chorus at 16.
    assert cuts(plan)[:4] == [0, 7, 16, 24]


def test_two_sections_too_near_each_other_the_first_stays(make):
    sections = [(0, 8, "A"), (8, 9, "B"), (9, 24, "C")]
    plan = planned(
        song(make, 48, sections),
        section_rules=[{"cut": {"every_n_beats": 16}}],
        shortest_shot_us=2 * S,
    )
    assert cuts(plan) == [0, 16, 34]


def test_long_shots_are_cut_on_the_last_beat_within(make):
    plan = planned(song(make, 32), beats_per_cut=16, longest_shot_us=2_700_000)
    assert cuts(plan) == [0, 5, 10, 15, 16, 21, 26, 31]
    assert rules(plan)[:2] == ["EVERY_N_BEATS", "LONGEST_SHOT"]
    assert paths(plan)[1] == "longest_shot_us"


def test_a_long_shot_is_cut_so_that_no_short_one_remains(make):
    plan = planned(song(make, 32), beats_per_cut=16, longest_shot_us=2_700_000, shortest_shot_us=S)
    # After 10 the next cut at 16 leaves room up to 14; the end at 32 may come as soon as it likes.
    assert cuts(plan) == [0, 5, 10, 14, 16, 21, 26, 31]


def test_where_no_beat_lies_within_the_next_one_is_cut(make):
    grid = make.grid([0, 5 * S, 6 * S, 20 * S], 30 * S)
    plan = planned(grid, beats_per_cut=64, longest_shot_us=2 * S)
    assert cuts(plan) == [0, 1, 2, 3]


def test_a_long_lead_in_is_cut_on_the_first_beat(make):
    plan = planned(song(make, 8, first=10 * S), longest_shot_us=4 * S)
    assert cuts(plan) == [-1, 0, 4]


@pytest.mark.parametrize(("align", "end"), [(0, 8_200_000), (BEAT, 8 * S), (BAR, 8 * S)])
def test_where_the_video_ends(make, align, end):
    # Beat 16 at eight seconds is a downbeat.
    plan = planned(song(make, 17, end=8_200_000), end_align=align)
    assert plan.trim == Trim(0, end)
    assert plan.spans[-1].end == end * 30 // S


def test_the_last_downbeat_and_no_beat_after_it(make):
    plan = planned(song(make, 16), Trim(HALF, 7_900_000), beats_per_cut=2, end_align=BAR)
    assert plan.trim == Trim(HALF, 6 * S)
    assert cuts(plan) == [1, 3, 5, 7, 9, 11]
    assert plan.spans[-1].end == 165


@pytest.mark.parametrize("align", [BEAT, BAR])
def test_where_no_beat_leaves_a_frame_the_video_ends_with_the_audio(make, align):
    grid = make.grid([5_000], 4 * S)
    plan = planned(grid, end_align=align)
    assert plan.trim == Trim(0, 4 * S)
    assert cuts(plan) == [0]


def test_one_beat_and_a_lead_in_end_on_it(make):
    plan = planned(make.grid([2 * S], 4 * S), end_align=BEAT)
    assert plan.trim == Trim(0, 2 * S)
    assert [(span.begin, span.end) for span in plan.spans] == [(0, 60)]
    assert cuts(plan) == [-1]


def test_two_beats(make):
    grid = make.grid([0, S], 2 * S)
    assert cuts(planned(grid)) == [0]
    assert cuts(planned(grid, cut={"build_up": {"from_beats": 2}})) == [0, 1]
    assert cuts(planned(grid, cut={"energy": {"longest_us": S}})) == [0, 1]


def test_no_beat_is_too_few(make):
    with pytest.raises(BeatStitchError) as caught:
        planned(make.grid([], 2 * S), end_align=BEAT, cut={"energy": {}})
    assert caught.value.reason == failure_pb2.ERROR_REASON_TOO_FEW_BEATS


def test_bars_that_nobody_heard_are_counted_from_the_first_beat(make):
    grid = make.grid([i * HALF for i in range(12)], 6 * S)
    for beat in grid.beats:
        beat.beat_number, beat.is_downbeat = 0, False
    grid.beats_per_bar = 3
    assert cuts(planned(grid, cut={"bar_beats": {"beat_numbers": [1]}})) == [0, 3, 6, 9]


def test_beats_closer_than_a_frame_begin_one_segment(make):
    grid = make.grid([0, 10_000, 20_000, S, S + 5_000], 2 * S)
    plan = planned(grid, beats_per_cut=1)
    assert cuts(plan) == [0, 2, 3]
    assert all(span.frames >= 1 for span in plan.spans)


def test_a_pattern_that_never_fits_makes_one_segment(make):
    plan = planned(song(make, 16), cut={"bar_beats": {"beat_numbers": [7]}})
    assert plan.spans == [type(plan.spans[0])(0, 240, Cut(beat_index=-1, rule=1))]
