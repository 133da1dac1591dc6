"""What each segment shows: order, windows, reuse, and what a clip too short does."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import common_pb2, edl_pb2, failure_pb2, timeline_rules_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Cut, Speed, SpeedPoint, Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import AssetRule, ChoiceRules
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import reach
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_time_us
from beatstitch_timeline.choice import choose_all
from beatstitch_timeline.rules import Span

POSITION, SHUFFLE, SCORE = (
    timeline_rules_pb2.CHOICE_ORDER_POSITION,
    timeline_rules_pb2.CHOICE_ORDER_SHUFFLE,
    timeline_rules_pb2.CHOICE_ORDER_SCORE,
)
LOOP, HOLD = edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD
SPEED_FIT, NO_REPEAT = edl_pb2.FILL_POLICY_SPEED_FIT, edl_pb2.FILL_POLICY_NO_REPEAT
END, FORBID = timeline_rules_pb2.MEDIA_REUSE_END, timeline_rules_pb2.MEDIA_REUSE_FORBID
CUT = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
RATE = common_pb2.Rational(num=30, den=1)
ORDERS = [POSITION, SHUFFLE, SCORE]


def spans_of(lengths):
    spans, begin, grid = [], 0, BeatGrid()
    for i, frames in enumerate(lengths):
        time_us = frame_time_us(begin, RATE)
        grid.beats.add(time_us=time_us, energy=(i * 7 % 10) / 10)
        cut = Cut(beat_index=i, beat_time_us=time_us, rule=edl_pb2.CUT_RULE_EVERY_N_BEATS)
        spans.append(Span(begin, begin + frames, cut))
        begin += frames
    return spans, grid


def chosen(media, lengths, ways=None, speeds=None, fill=LOOP, seed=0, **choice):
    spans, grid = spans_of(lengths)
    wish = TimelineSettings(choice=ChoiceRules(**choice), fill=fill, seed=seed)
    ways = ways or [CUT] * len(spans)
    return choose_all(spans, ways, grid, media, with_defaults(wish), speeds=speeds)


def names(picks):
    return "".join(pick.picture.asset_id for pick in picks)


def refusal(*args, **kwargs):
    with pytest.raises(BeatStitchError) as caught:
        chosen(*args, **kwargs)
    assert caught.value.reason == failure_pb2.ERROR_REASON_NOT_ENOUGH_MEDIA
    return caught.value


def test_by_default_media_come_in_order_and_again(make):
    media = [make.image("a"), make.image("b"), make.clip("c")]
    assert names(chosen(media, [30] * 7)) == "abcabca"


def test_a_clip_goes_on_where_it_ended_until_it_is_used_up(make):
    picks = chosen([make.clip("c", 10_000_000)], [90] * 5)
    assert [pick.source_in_us for pick in picks] == [0, 3_000_000, 6_000_000, 0, 3_000_000]


def test_an_image_has_no_source_and_no_fill(make):
    (pick,) = chosen([make.image()], [30], fill=HOLD)
    assert pick[1:] == (0, 0, edl_pb2.FILL_POLICY_UNSPECIFIED, None)


def test_weights_come_in_proportion(make):
    media = [make.image(name) for name in "abc"]
    rules = [AssetRule(asset_id="b", weight=20), AssetRule(asset_id="c", weight=5)]
    for order in ORDERS:
        counts = Counter(names(chosen(media, [30] * 700, order=order, assets=rules)))
        assert counts["b"] == pytest.approx(400, abs=12)
        assert counts["c"] == pytest.approx(100, abs=12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("window", [1, 3, 5])
def test_nothing_comes_again_inside_the_window(make, order, window):
    media = [make.image(name) for name in "abcdef"]
    rules = [AssetRule(asset_id="a", weight=100)]
    picks = names(chosen(media, [30] * 80, order=order, no_repeat_window=window, assets=rules))
    for k, name in enumerate(picks):
        assert name not in picks[max(0, k - window) : k]


@pytest.mark.parametrize("order", ORDERS)
def test_a_window_wider_than_the_media_is_kept_as_far_as_it_can_be(make, order):
    media = [make.image(name) for name in "abc"]
    picks = names(chosen(media, [30] * 30, order=order, no_repeat_window=100))
    assert all(len(set(picks[k : k + 3])) == 3 for k in range(28))


def test_the_same_asset_given_twice_is_one_asset_to_the_window(make):
    media = [make.image("a"), make.image("a"), make.image("b")]
    picks = names(chosen(media, [30] * 20, no_repeat_window=1))
    assert all(one != other for one, other in pairwise(picks))


@settings(max_examples=60)
@given(st.integers(2, 9), st.integers(-(2**63), 2**63 - 1))
def test_a_shuffle_shows_nothing_twice_running(make, count, seed):
    media = [make.image(str(item)) for item in range(count)]
    picks = names(chosen(media, [30] * 60, order=SHUFFLE, seed=seed))
    assert all(one != other for one, other in pairwise(picks))
    assert all(len(set(picks[k : k + count])) == count for k in range(0, 60 - count, count))


def test_another_seed_another_order_the_same_seed_the_same(make):
    media = [make.image(str(item)) for item in range(8)]
    orders = [names(chosen(media, [30] * 16, order=SHUFFLE, seed=seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:8] != orders[0][8:]


@pytest.mark.parametrize("order", ORDERS)
def test_the_video_ends_with_the_media(make, order):
    media = [make.image(name) for name in "abc"]
    rules = [AssetRule(asset_id="b", weight=20)]
    picks = names(chosen(media, [30] * 9, order=order, reuse=END, assets=rules))
    assert sorted(picks) == list("abbc")
    assert len(chosen(media, [30] * 2, order=order, reuse=END)) == 2


@pytest.mark.parametrize("order", ORDERS)
def test_showing_again_can_be_forbidden(make, order):
    media = [make.image(name) for name in "abc"]
    assert len(chosen(media, [30] * 3, order=order, reuse=FORBID)) == 3
    error = refusal(media, [30] * 4, order=order, reuse=FORBID)
    assert error.metadata == {"segment": "3", "segments": "4"}


def test_only_a_window_of_a_clip_is_shown(make):
    rule = AssetRule(asset_id="c", in_us=2_000_000, out_us=5_000_000)
    picks = chosen([make.clip("c")], [60, 60, 200], assets=[rule])
    assert [pick[1:3] for pick in picks] == [
        (2_000_000, 4_000_000),
        (2_000_000, 4_000_000),
        (2_000_000, 5_000_000),
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_a_clip_whose_window_leaves_nothing_is_not_shown(make, order):
    rule = AssetRule(asset_id="c", in_us=10_000_000)
    media = [make.clip("c"), make.image("i")]
    assert names(chosen(media, [30] * 3, order=order, assets=[rule])) == "iii"
    assert refusal(media[:1], [30], order=order, assets=[rule]).metadata == {"segment": "0"}


@pytest.mark.parametrize(("policy", "fill"), [(LOOP, LOOP), (HOLD, HOLD)])
def test_a_clip_too_short_loops_or_holds(make, policy, fill):
    (pick,) = chosen([make.clip("c", 1_000_000)], [60], fill=policy)
    assert pick[1:] == (0, 1_000_000, fill, None)


@settings(max_examples=200)
@given(st.integers(1, 4_000_000), st.integers(1, 200))
def test_a_clip_is_slowed_down_to_fill_its_segment(make, length, frames):
    (pick,) = chosen([make.clip("c", length)], [frames], fill=SPEED_FIT)
    need = frame_time_us(frames, RATE)
    assert pick.fill == HOLD
    if length >= need:
        assert pick[1:3] == (0, need)
        assert pick.speed is None
        return
    assert pick[1:3] == (0, length)
    if pick.speed is None:  # so little is missing that it would be normal speed
        assert need - length < need / 65_536
        return
    ((frame, rate),) = [(point.frame, point.rate) for point in pick.speed.points]
    assert frame == 0
    assert 16_384 <= rate <= 65_536
    if 4 * length >= need:
        assert source_offset_us(pick.speed, frames, RATE) <= length
        faster = Speed(points=[SpeedPoint(rate=rate + 1)])
        assert source_offset_us(faster, frames, RATE) >= length - 1
    else:
        assert rate == 16_384


def test_without_repeats_a_long_enough_clip_comes_first(make):
    media = [make.clip("s", 1_000_000), make.clip("l", 4_000_000), make.clip("m", 2_000_000)]
    for order in (POSITION, SCORE):
        picks = chosen(media, [90, 30, 60, 60], fill=NO_REPEAT, order=order)
        assert names(picks)[0] == "l"
        assert all(
            pick.source_out_us - pick.source_in_us >= frame_time_us(frames, RATE)
            for pick, frames in zip(picks, [90, 30, 60, 60], strict=True)
        )
    assert names(chosen(media, [90, 30, 60, 60], fill=NO_REPEAT)) == "lsml"


@pytest.mark.parametrize("order", ORDERS)
def test_without_repeats_a_clip_too_short_is_refused_by_name(make, order):
    media = [make.clip("s", 1_000_000), make.clip("l", 2_000_000)]
    error = refusal(media, [30, 90], fill=NO_REPEAT, order=order)
    assert error.metadata == {
        "segment": "1",
        "asset_id": "l",
        "needed_us": "3000000",
        "longest_us": "2000000",
    }
    assert "l.bin" in error.message


def test_a_clip_runs_at_a_speed_where_it_has_the_material(make):
    fast = Speed(points=[SpeedPoint(rate=131_072)])
    media = [make.clip("l", 5_000_000), make.clip("s", 1_500_000), make.image("i")]
    picks = chosen(media, [30] * 3, speeds=[fast] * 3)
    assert [pick.speed for pick in picks] == [fast, None, None]
    assert [pick.source_out_us for pick in picks] == [2_000_000, 1_000_000, 0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=30),
    st.lists(st.one_of(st.none(), st.integers(1, 20_000_000)), min_size=1, max_size=5),
    st.sampled_from(ORDERS),
    st.sampled_from([LOOP, HOLD, SPEED_FIT]),
    st.sampled_from(edl_pb2.TransitionAlign.values()),
    st.booleans(),
    st.data(),
)
def test_whatever_is_chosen_is_there(make, lengths, pool, order, fill, align, avoid, data):
    media = [
        make.image(str(i)) if length is None else make.clip(str(i), length)
        for i, length in enumerate(pool)
    ]
    ways = [CUT]
    for one, other in pairwise(lengths):
        frames = min(one, other, 20) // 2
        fade = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=frames, align=align)
        ways.append(fade if frames else CUT)
    for item in media:
        if item.info.duration_us:
            item.traits.step_us = max(1, item.info.duration_us // 50)
            item.traits.motion = data.draw(st.binary(max_size=60))
            item.traits.scene_cut_us.extend(data.draw(st.lists(st.integers(0, 20_000_000))))
            item.traits.black.add(start_us=0, end_us=data.draw(st.integers(0, 20_000_000)))
    rules = {"order": order, "avoid_scene_cuts": avoid, "match_motion_to_energy": True}
    picks = chosen(media, lengths, ways=ways, fill=fill, **rules)
    assert picks == chosen(media, lengths, ways=ways, fill=fill, **rules)
    assert len(picks) == len(lengths)
    for k, (pick, frames) in enumerate(zip(picks, lengths, strict=True)):
        if not pick.is_clip:
            continue
        clip = pick.picture.info.duration_us
        after = reach(ways[k + 1]).after if k + 1 < len(ways) else 0
        head = frame_time_us(reach(ways[k]).before, RATE)
        need, whole = frame_time_us(frames, RATE), frame_time_us(frames + after, RATE)
        assert 0 <= pick.source_in_us < pick.source_out_us <= clip
        assert pick.fill in (LOOP, HOLD)
        assert pick.source_out_us - pick.source_in_us == min(whole if clip > need else need, clip)
        if head + whole <= clip:
            assert pick.source_in_us >= head
