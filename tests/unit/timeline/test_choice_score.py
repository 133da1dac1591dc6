"""What speaks for and against a picture, a clip, and a part of a clip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Cut, Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import AssetRule, ChoiceRules
from beatstitch_core.edl.settings import with_defaults
from beatstitch_timeline.choice import Chooser, choose_all
from beatstitch_timeline.choice.loudness import middle_ranks, ranks
from beatstitch_timeline.choice.material import Material, motion_places
from beatstitch_timeline.choice.pool import pool_of
from beatstitch_timeline.choice.score import rounded
from beatstitch_timeline.rules import Span

SCORE = timeline_rules_pb2.CHOICE_ORDER_SCORE
CUT = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
EVERY = edl_pb2.CUT_RULE_EVERY_N_BEATS
START = edl_pb2.CUT_RULE_START


def song(energies):
    """A segment of one second for each energy, with a beat each half second."""
    spans, grid = [], BeatGrid()
    for i, energy in enumerate(energies):
        for half in (0, 1):
            grid.beats.add(time_us=(2 * i + half) * 500_000, energy=energy)
        cut = Cut(beat_index=2 * i, beat_time_us=i * 1_000_000, rule=EVERY)
        spans.append(Span(30 * i, 30 * i + 30, cut))
    return spans, grid


def picked(media, energies, **choice):
    spans, grid = song(energies)
    wish = with_defaults(TimelineSettings(choice=ChoiceRules(order=SCORE, **choice)))
    return choose_all(spans, [CUT] * len(spans), grid, media, wish)


def with_motion(clip, *levels):
    clip.traits.step_us = -(-clip.info.duration_us // len(levels))
    clip.traits.motion = bytes(levels)
    return clip


LOUD_AND_QUIET = [0.9, 0.1, 0.8, 0.2, 0.95, 0.15, 0.85, 0.25]


def test_without_wishes_the_score_is_the_given_order(make):
    media = [make.image(name) for name in "abcd"]
    assert [pick.picture.asset_id for pick in picked(media, [0.5] * 9)] == list("abcdabcda")


def test_busy_clips_go_to_loud_segments(make):
    media = [with_motion(make.clip("calm"), 2, 3, 2), with_motion(make.clip("busy"), 90, 80, 99)]
    picks = picked(media, LOUD_AND_QUIET, match_motion_to_energy=True)
    assert [pick.picture.asset_id for pick in picks] == ["busy", "calm"] * 4


def test_the_busy_part_of_a_clip_goes_to_loud_segments(make):
    clip = with_motion(make.clip("c", 20_000_000), *[1] * 10, *[200] * 10)
    for pick, energy in zip(
        picked([clip], LOUD_AND_QUIET, match_motion_to_energy=True), LOUD_AND_QUIET, strict=True
    ):
        assert (pick.source_in_us >= 10_000_000) == (energy > 0.5)


def test_the_best_part_of_a_clip_does_not_come_again_and_again(make):
    clip = with_motion(make.clip("c", 20_000_000), *[1] * 10, *[200] * 10)
    picks = picked([clip], LOUD_AND_QUIET, match_motion_to_energy=True)
    ins = [pick.source_in_us for pick in picks]
    assert len(set(ins)) == len(ins)


def test_pictures_go_where_it_is_calm(make):
    media = [make.image("a"), make.image("b"), make.clip("c"), make.clip("d")]
    picks = picked(media, LOUD_AND_QUIET, images_on_calm=True)
    assert [pick.is_clip for pick in picks] == [True, False] * 4
    assert {pick.picture.asset_id for pick in picks} == set("abcd")


def test_a_part_without_a_scene_cut_is_taken_where_there_is_one(make):
    clip = make.clip("c", 10_000_000)
    clip.traits.scene_cut_us.extend([300_000, 900_000, 2_000_000, 3_100_000, 5_500_000, 9_500_000])
    for order in timeline_rules_pb2.ChoiceOrder.values():
        spans, grid = song([0.5] * 6)
        rules = ChoiceRules(order=order, avoid_scene_cuts=True)
        wish = with_defaults(TimelineSettings(choice=rules))
        for pick in choose_all(spans, [CUT] * 6, grid, [clip], wish):
            inside = [at for at in clip.traits.scene_cut_us if at > pick.source_in_us]
            assert not [at for at in inside if at < pick.source_out_us]


def test_a_clip_with_a_whole_shot_is_better_than_one_without(make):
    choppy, whole = make.clip("choppy", 1_500_000), make.clip("whole", 1_500_000)
    choppy.traits.scene_cut_us.append(750_000)
    picks = picked([choppy, whole], [0.5], avoid_scene_cuts=True)
    assert picks[0].picture.asset_id == "whole"
    assert picked([choppy, whole], [0.5])[0].picture.asset_id == "choppy"


def test_black_and_frozen_stretches_are_left_out(make):
    clip = make.clip("c", 10_000_000)
    clip.traits.black.add(start_us=0, end_us=3_000_000)
    clip.traits.frozen.add(start_us=5_000_000, end_us=10_000_000)
    for pick in picked([clip], [0.5] * 6, avoid_scene_cuts=True):
        assert 3_000_000 <= pick.source_in_us < pick.source_out_us <= 5_000_000


def test_parts_leave_room_for_the_way_in(make):
    clip = make.clip("c", 10_000_000)
    clip.traits.scene_cut_us.extend([2_000_000, 6_000_000])
    spans, grid = song([0.5] * 5)
    wish = with_defaults(TimelineSettings(choice=ChoiceRules(avoid_scene_cuts=True)))
    fade = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=6)
    for pick in choose_all(spans, [CUT, *[fade] * 4], grid, [clip], wish)[1:]:
        seen = range(pick.source_in_us - 200_000 + 1, pick.source_out_us)
        assert 2_000_000 not in seen
        assert 6_000_000 not in seen


def test_terms_add_up_to_the_points(make):
    media = [make.image("a"), with_motion(make.clip("b"), 5, 90), make.clip("c", 400_000)]
    media[2].traits.scene_cut_us.append(200_000)
    spans, grid = song(LOUD_AND_QUIET)
    rules = ChoiceRules(
        order=SCORE,
        avoid_scene_cuts=True,
        match_motion_to_energy=True,
        images_on_calm=True,
        assets=[AssetRule(asset_id="b", weight=30)],
    )
    wish = with_defaults(TimelineSettings(choice=rules))
    chooser = Chooser(spans, [CUT] * 8, grid, media, wish)
    names = {"order", "weight", "recency", "motion", "calm", "scene_cuts"}
    for _ in spans:
        terms = [chooser.terms(item) for item in range(3)]
        assert [sum(each.values()) for each in terms] == chooser.points()
        assert all(set(each) == names for each in terms)
        chooser.next()


def test_loudness_is_a_rank(make):
    spans, grid = song([0.5, 0.99, 0.98, 0.97])
    assert ranks(spans, grid, 0) == [125, 875, 625, 375]
    assert ranks(*song([0.0] * 3), 0) == [500] * 3
    assert middle_ranks([5, 5, 9]) == [333, 333, 833]


def test_a_segment_without_a_beat_is_as_loud_as_the_beat_before(make):
    spans, grid = song([0.1, 0.9])
    spans = [Span(0, 5, Cut(rule=START)), *spans]
    spans.append(Span(60, 61, Cut(beat_index=9, beat_time_us=1_900_000, rule=EVERY)))
    assert ranks(spans, grid, 0) == [250, 250, 750, 750]
    assert ranks(spans, BeatGrid(), 0) == [500] * 4


def test_energies_that_are_no_numbers_count_as_silence(make):
    spans, grid = song([float("nan"), float("inf"), -1.0, 0.5])
    assert ranks(spans, grid, 0) == [250, 875, 250, 625]


def test_a_table_of_motion_knows_calm_from_busy():
    table = motion_places([bytes([3, 3, 3]), bytes([9])])
    assert table[0] == 0
    assert table[3] < table[9] < table[200] == 255


@given(
    st.lists(st.integers(0, 5_000), max_size=20),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 900)), max_size=5),
    st.integers(0, 4_900),
    st.integers(1, 5_000),
)
def test_penalties_are_what_counting_says(make, cuts, black, begin, length):
    clip = make.clip("c", 5_000)
    clip.traits.scene_cut_us.extend(cuts)
    for start, width in black:
        clip.traits.black.add(start_us=start, end_us=start + width)
    (candidate,) = pool_of([clip], ChoiceRules())
    end = min(begin + length, 5_000)
    dark = {at for start, width in black for at in range(start, start + width)}
    inside = sum(begin < at < end for at in cuts)
    expected = 200 * min(3, inside) + 600 * len(dark & set(range(begin, end))) // (end - begin)
    assert Material(candidate, bytes(256)).penalty(begin, end) == expected


@pytest.mark.parametrize(
    ("need", "loudness", "key"),
    [(1, 0, (1, 0)), (17, 49, (18, 0)), (1_000_000, 50, (1_048_576, 100)), (9, 950, (9, 1000))],
)
def test_lengths_and_loudness_are_rounded_for_the_score_only(need, loudness, key):
    assert rounded(need, loudness) == key
