"""Rounds: by position or shuffled, by weight, each round with everyone in it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import timeline_rules_pb2
from beatstitch_timeline.choice.rounds import SHUFFLE, Rounds, in_turn, shuffled, turns

POSITION = timeline_rules_pb2.CHOICE_ORDER_POSITION
WEIGHTS = st.lists(st.integers(1, 100), min_size=1, max_size=8)


def names(weights):
    return [f"asset-{item}" for item in range(len(weights))]


def take(rounds, count, free=lambda _: True, fits=lambda _: True, last=None):
    return [rounds.take(free, fits, last or [0] * 99) for _ in range(count)]


def test_a_normal_weight_comes_once_and_a_weight_of_twenty_twice():
    assert [turns(10, number) for number in range(4)] == [1, 1, 1, 1]
    assert [turns(20, number) for number in range(4)] == [2, 2, 2, 2]
    assert [turns(15, number) for number in range(4)] == [2, 1, 2, 1]
    assert [turns(5, number) for number in range(4)] == [1, 0, 1, 0]
    assert [turns(1, number) for number in range(11)] == [1, *[0] * 9, 1]


@given(st.integers(1, 100))
def test_ten_rounds_bring_an_asset_as_often_as_its_weight(weight):
    assert sum(turns(weight, number) for number in range(10)) == weight
    assert turns(weight, 0) >= 1


def test_turns_are_spread_over_the_round():
    assert in_turn([0, 1, 2], [1, 1, 1]) == [0, 1, 2]
    assert in_turn([0, 1, 2], [3, 3, 3]) == [0, 1, 2] * 3
    assert in_turn([0, 1, 2, 3], [2, 1, 1, 1]) == [0, 1, 2, 0, 3]
    assert in_turn([0, 1, 2], [1, 2, 1]) == [0, 1, 2, 1]
    assert in_turn([2, 0, 1], [1, 1, 0]) == [0, 1]


@given(WEIGHTS, st.sampled_from([POSITION, SHUFFLE]), st.integers(-5, 5))
def test_everyone_comes_by_weight(weights, order, seed):
    rounds = Rounds(names(weights), weights, order, seed, once=False)
    assert Counter(take(rounds, sum(weights))) == dict(enumerate(weights))


def test_a_shuffle_is_decided_by_seed_and_round_and_stays_what_it_is():
    ids = names(range(5))
    assert shuffled(ids, range(5), 7, 0) == shuffled(ids, range(5), 7, 0) == [1, 0, 3, 4, 2]
    orders = {tuple(shuffled(ids, range(5), 7, number)) for number in range(40)}
    assert len(orders) > 25
    assert len({tuple(shuffled(ids, range(5), seed, 0)) for seed in range(40)}) > 25


def test_every_place_of_a_shuffle_is_everybodys():
    first = Counter(shuffled(names(range(4)), range(4), seed, 0)[0] for seed in range(4_000))
    assert all(850 < count < 1_150 for count in first.values())


def test_what_can_not_go_waits_and_goes_first():
    rounds = Rounds(names(range(4)), [10] * 4, POSITION, 0, once=False)
    assert take(rounds, 2, fits=lambda item: item != 0) == [1, 2]
    assert take(rounds, 4) == [0, 3, 0, 1]


def test_who_waits_long_does_not_wait_twice():
    rounds = Rounds(names(range(3)), [10] * 3, POSITION, 0, once=False)
    assert take(rounds, 50, fits=lambda item: item == 2) == [2] * 50
    assert len(rounds.waiting) == 2
    assert take(rounds, 4) == [0, 1, 0, 1]


def test_one_round_only():
    rounds = Rounds(names(range(3)), [10, 20, 10], POSITION, 0, once=True)
    assert take(rounds, 6) == [0, 1, 2, 1, None, None]


def test_who_can_not_be_shown_at_all_never_comes():
    rounds = Rounds(names(range(3)), [10, 0, 10], SHUFFLE, 0, once=False)
    assert set(take(rounds, 20)) == {0, 2}


def test_without_enough_to_keep_the_window_the_oldest_comes():
    rounds = Rounds(names(range(3)), [10] * 3, POSITION, 0, once=False)
    assert take(rounds, 1, free=lambda _: False, last=[5, 3, 4]) == [1]


@pytest.mark.parametrize("order", [POSITION, SHUFFLE])
def test_nobody_fits(order):
    rounds = Rounds(names(range(3)), [10] * 3, order, 0, once=False)
    assert take(rounds, 1, fits=lambda _: False) == [None]


@settings(max_examples=50)
@given(st.integers(2, 12), st.integers(0, 1_000))
def test_a_shuffled_round_has_everyone_once(count, seed):
    rounds = Rounds(names(range(count)), [10] * count, SHUFFLE, seed, once=False)
    for _ in range(4):
        assert sorted(take(rounds, count)) == list(range(count))
