"""The way from segment to segment: as asked, as long as both neighbours allow, said in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Cut, Transition
from beatstitch_core.edl.ways_in import DIRECTED, reach
from beatstitch_timeline.rules import Span
from beatstitch_timeline.transitions import shortened, way_in, ways_in

FADE = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=8)
CUT = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
WIPE = edl_pb2.TRANSITION_TYPE_WIPE
TYPES = [kind for kind in edl_pb2.TransitionType.values() if kind > CUT.type]


def spans_of(*lengths, wishes=()):
    spans, begin = [], 0
    for k, length in enumerate(lengths):
        wish = wishes[k] if k < len(wishes) else None
        spans.append(Span(begin, begin + length, Cut(), transition=wish))
        begin += length
    return spans


@pytest.mark.parametrize(
    ("lengths", "frames"), [((60, 60), 8), ((10, 60), 5), ((60, 11), 5), ((2, 60), 1)]
)
def test_a_transition_takes_at_most_half_of_either_neighbour(lengths, frames):
    assert way_in(spans_of(*lengths), 1, FADE) == Transition(type=FADE.type, frames=frames)


def test_nothing_leads_into_the_first_segment_or_a_single_frame():
    spans = spans_of(60, 1)
    assert way_in(spans, 0, FADE) == CUT
    assert way_in(spans, 1, FADE) == CUT
    assert way_in(spans, 1, CUT) == CUT


def test_a_sections_own_way_comes_first():
    wipe = Transition(type=WIPE, frames=4, direction=edl_pb2.DIRECTION_UP)
    ways = ways_in(spans_of(60, 60, 60, 60, wishes=[wipe, None, wipe, CUT]), FADE)
    assert ways == [CUT, FADE, wipe, CUT]


def test_the_end_is_not_said_and_a_direction_only_where_there_is_one():
    end = Transition(type=FADE.type, frames=8, align=edl_pb2.TRANSITION_ALIGN_END)
    assert shortened(end, 60, 60) == FADE
    wipe = Transition(type=WIPE, frames=8, align=edl_pb2.TRANSITION_ALIGN_CENTRE)
    assert shortened(wipe, 60, 60).direction == edl_pb2.DIRECTION_LEFT
    assert shortened(wipe, 60, 60).align == edl_pb2.TRANSITION_ALIGN_CENTRE
    lost = Transition(type=FADE.type, frames=8, direction=edl_pb2.DIRECTION_UP)
    assert shortened(lost, 60, 60) == FADE


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=12),
    st.sampled_from(TYPES),
    st.sampled_from(edl_pb2.TransitionAlign.values()),
    st.sampled_from(edl_pb2.Direction.values()),
    st.integers(1, 60),
)
def test_two_transitions_never_meet_inside_a_segment(lengths, kind, align, direction, frames):
    wanted = Transition(type=kind, frames=frames, align=align, direction=direction)
    ways = [*ways_in(spans_of(*lengths), wanted), CUT]
    for k, length in enumerate(lengths):
        tail, head = reach(ways[k]).after, reach(ways[k + 1]).before
        assert tail + head <= length
        assert ways[k].frames <= length // 2
        if k:
            assert ways[k].frames == min(frames, length // 2, lengths[k - 1] // 2)
        assert (ways[k].direction != 0) == (ways[k].type in DIRECTED)
