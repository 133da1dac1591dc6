"""Which part of a clip a segment shows, where any part is as good as another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch_timeline.choice.needs import Need
from beatstitch_timeline.choice.sources import Source, place, room


def need(body, head=0, tail=0):
    return Need(head, body, tail, 1)


@pytest.mark.parametrize(
    ("resume", "clip", "wanted", "source"),
    [
        (0, 10_000, need(3_000), Source(0, 3_000)),
        (0, 10_000, need(3_000, 500), Source(500, 3_500)),  # leaves room for the fade
        (3_000, 10_000, need(3_000, 500), Source(3_000, 6_000)),  # has room already
        (7_001, 10_000, need(3_000, 500), Source(500, 3_500)),  # used up: anew, with room
        (0, 3_200, need(3_000, 500), Source(200, 3_200)),  # as much room as there is
        (0, 3_000, need(3_000, 500), Source(0, 3_000)),
        (0, 2_000, need(3_000, 500), Source(0, 2_000)),  # too short: all of it
        (0, 10_000, need(3_000, 0, 400), Source(0, 3_400)),  # goes on while it goes out
        (6_601, 10_000, need(3_000, 0, 400), Source(0, 3_400)),
        (0, 3_200, need(3_000, 500, 400), Source(0, 3_200)),  # what comes after goes first
        (0, 3_600, need(3_000, 500, 400), Source(200, 3_600)),
    ],
)
def test_where_a_clip_is_taken_from(resume, clip, wanted, source):
    assert place(resume, room(0, clip, wanted)) == source


@given(
    st.integers(0, 10_000),
    st.integers(1, 10_000),
    st.integers(0, 20_000),
    st.builds(need, st.integers(1, 9_000), st.integers(0, 4_000), st.integers(0, 4_000)),
)
def test_a_part_never_leaves_its_window_and_is_as_long_as_it_can_be(begin, length, resume, wanted):
    end = begin + length
    source = place(resume, room(begin, end, wanted))
    assert begin <= source.in_us < source.out_us <= end
    assert source.out_us - source.in_us == min(
        length, wanted.body_us + (wanted.tail_us if length > wanted.body_us else 0)
    )
    if length >= sum(wanted[:3]):
        assert source.in_us - wanted.head_us >= begin
