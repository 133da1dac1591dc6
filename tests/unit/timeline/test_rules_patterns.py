"""Patterns: from a run of beats to those that are cut on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1.beat_grid_pb2 import Beat
from beatstitch_timeline.rules.beats import Beats, bar_places, permille
from beatstitch_timeline.rules.build_up import build_up, steps
from beatstitch_timeline.rules.patterns import by_bar, by_energy, by_lengths


def shots(cuts, stretch):
    return [after - before for before, after in pairwise([*cuts, stretch.stop])]


def even(energy, beat_us=500_000):
    return Beats(
        times_us=[i * beat_us for i in range(len(energy))],
        frames=range(len(energy)),
        places=[i % 4 + 1 for i in range(len(energy))],
        energy=energy,
    )


def test_lengths_come_in_turn_and_again():
    assert by_lengths(range(24), [4, 4, 2, 2, 1, 1]) == [0, 4, 8, 10, 12, 13, 14, 18, 22]
    assert by_lengths(range(7, 10), [64]) == [7]
    assert by_lengths(range(3), [1]) == [0, 1, 2]


FOURS = [1, 2, 3, 4] * 4


@pytest.mark.parametrize(
    ("stretch", "numbers", "every", "cuts"),
    [
        (range(16), {1}, 1, [0, 4, 8, 12]),
        (range(16), {2, 4}, 1, [1, 3, 5, 7, 9, 11, 13, 15]),
        (range(16), {1, 3}, 2, [0, 2, 8, 10]),
        (range(16), {5}, 1, []),
        # Two beats of a bar that began before: cut on where each bar is, else not counted.
        (range(2, 12), {1, 3}, 1, [2, 4, 6, 8, 10]),
        (range(2, 12), {1, 3}, 2, [4, 6]),
    ],
)
def test_cuts_on_beats_of_the_bar(stretch, numbers, every, cuts):
    assert by_bar(stretch, FOURS, numbers, every) == cuts


def test_a_waltz_has_its_own_bars():
    assert by_bar(range(9), [1, 2, 3] * 3, {1, 3}, 1) == [0, 2, 3, 5, 6, 8]


@pytest.mark.parametrize(
    ("beats", "lengths"),
    [
        (32, [8, 4, 4, 2, 2, 2, 2] + [1] * 8),
        (64, [8, 8, 4, 4, 4, 4] + [2] * 8 + [1] * 16),
        # Shares of 9, 7 and 2.5 beats, in whole shots: none is longer than the one before.
        (36, [8, 4, 4] + [2] * 5 + [1] * 10),
        (28, [8, 4] + [2] * 4 + [1] * 8),
        (10, [4, 2, 2, 1, 1]),
        (3, [2, 1]),
        (1, [1]),
    ],
)
def test_eight_four_two_one(beats, lengths):
    stretch = range(5, 5 + beats)
    assert shots(build_up(stretch, 8, 1), stretch) == lengths


@pytest.mark.parametrize(
    ("first", "last", "lengths"),
    [(8, 1, [8, 4, 2, 1]), (6, 1, [6, 3, 1]), (7, 2, [7, 3, 2]), (5, 4, [5, 4]), (4, 4, [4])],
)
def test_steps_halve(first, last, lengths):
    assert steps(first, last) == lengths


@given(st.integers(0, 700), st.integers(1, 64), st.data())
def test_a_build_up_never_slows_down_and_ends_as_fast_as_asked(beats, first, data):
    last = data.draw(st.integers(1, first))
    stretch = range(3, 3 + beats)
    lengths = shots(build_up(stretch, first, last), stretch)
    assert sum(lengths) == beats
    # The stretch's end may shorten the last shot.
    assert all(one >= other for one, other in pairwise(lengths[:-1]))
    assert set(lengths[:-1]) <= set(steps(first, last))
    if beats >= first * len(steps(first, last)):
        assert lengths[0] == first
        assert set(lengths) >= set(steps(first, last))
        # Each step has its equal share, but for half a shot at either end.
        share = beats / len(steps(first, last))
        for k, length in enumerate(steps(first, last)[:-1]):
            end = sum(n for n in lengths if n >= length)
            assert abs(end - share * (k + 1)) <= length / 2


@pytest.mark.parametrize(
    ("energy", "cuts"),
    [
        ([0] * 24, [0, 8, 16]),  # 4 s
        ([1000] * 5, [0, 1, 2, 3, 4]),  # 0.5 s
        ([500] * 20, [0, 5, 10, 15]),  # 2.25 s: 2.5 is as near as 2.0
        # Quiet for three beats, then loud: the cut comes a beat after the drop.
        ([0, 0, 0, 1000, 1000, 1000], [0, 4, 5]),
        ([0], [0]),
        ([], []),
    ],
)
def test_as_dense_as_the_song_is_loud(energy, cuts):
    assert by_energy(range(len(energy)), even(energy), 500_000, 4_000_000) == cuts


def test_the_nearer_beat_is_taken_the_later_of_two():
    # 1.2 s are wanted: of 1.0 and 1.5 s the first is nearer; 1.3 s: the second; 1.25 s: as near.
    for wanted_us, second in [(1_200_000, 2), (1_300_000, 3), (1_250_000, 3)]:
        chosen = by_energy(range(8), even([0] * 8), 1, wanted_us)
        assert chosen[:2] == [0, second]


@given(
    st.lists(st.tuples(st.integers(1, 3_000_000), st.integers(0, 1000)), min_size=1, max_size=80),
    st.integers(1, 5_000_000),
    st.integers(0, 20_000_000),
)
def test_energy_keeps_its_lengths_to_within_a_beat(beats, shortest, more):
    times, now = [], 0
    for step, _ in beats:
        times.append(now)
        now += step
    stretch = range(len(beats))
    song = Beats(times, stretch, [1] * len(beats), [loud for _, loud in beats])
    chosen = by_energy(stretch, song, shortest, shortest + more)
    assert chosen[0] == 0
    assert all(one < other for one, other in pairwise(chosen))
    for one, other in pairwise(chosen):
        length = times[other] - times[one]
        beat = max(step for step, _ in beats[one : other + 1])
        assert other == one + 1 or length <= shortest + more + beat
        assert length > shortest - beat


def test_bars_that_nobody_heard_are_counted():
    nothing = [Beat() for _ in range(6)]
    assert bar_places(nothing, 4) == [1, 2, 3, 4, 1, 2]
    downbeats = [Beat(is_downbeat=i in {2, 5}) for i in range(7)]
    assert bar_places(downbeats, 3) == [2, 3, 1, 2, 3, 1, 2]
    assert bar_places(downbeats, 4) == [3, 4, 1, 2, 3, 1, 2]
    given_numbers = [Beat(beat_number=n) for n in (4, 1, 2, 1, 2)]
    assert bar_places(given_numbers, 4) == [4, 1, 2, 1, 2]


@pytest.mark.parametrize(
    ("share", "thousandths"),
    [(0, 0), (1, 1000), (0.5, 500), (0.0005, 1), (-1, 0), (9, 1000), (float("nan"), 0)],
)
def test_shares_become_thousandths(share, thousandths):
    assert permille(share) == thousandths
