"""The builder's ideas one by one: sources, fades, motion."""

from __future__ import annotations

from itertools import pairwise

import pytest

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Cut, OutputFormat, Transition
from beatstitch_timeline.choice import choose
from beatstitch_timeline.cuts import Span
from beatstitch_timeline.motion import MAX_PERMILLE, MIN_PERMILLE, ken_burns, roll, visible_part
from beatstitch_timeline.sources import Source, Sources, place
from beatstitch_timeline.transitions import way_in

WIDE = OutputFormat(width=1280, height=720)
TALL = OutputFormat(width=720, height=1280)
FADE = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=8)


def test_media_come_in_order_and_again(make):
    media = [make.image("a"), make.image("b"), make.clip("c")]
    assert [choose(media, k).asset_id for k in range(7)] == list("abcabca")


def test_a_clip_goes_on_where_it_ended_until_it_is_used_up():
    sources = Sources()
    taken = [sources.take("clip", 10_000, need_us=3_000, handle_us=0) for _ in range(5)]
    assert [source.in_us for source in taken] == [0, 3_000, 6_000, 0, 3_000]
    assert sources.take("other", 10_000, need_us=3_000, handle_us=0).in_us == 0


@pytest.mark.parametrize(
    ("resume", "clip", "need", "handle", "source"),
    [
        (0, 10_000, 3_000, 0, Source(0, 3_000)),
        (0, 10_000, 3_000, 500, Source(500, 3_500)),  # leaves room for the fade
        (3_000, 10_000, 3_000, 500, Source(3_000, 6_000)),  # has room already
        (7_001, 10_000, 3_000, 500, Source(500, 3_500)),  # used up: begins anew, with room
        (0, 3_200, 3_000, 500, Source(200, 3_200)),  # as much room as there is
        (0, 3_000, 3_000, 500, Source(0, 3_000)),
        (0, 2_000, 3_000, 500, Source(0, 2_000)),  # too short: all of it
    ],
)
def test_where_a_clip_is_taken_from(resume, clip, need, handle, source):
    assert place(resume, clip, need, handle) == source


@pytest.mark.parametrize(
    ("lengths", "frames"), [((60, 60), 8), ((10, 60), 5), ((60, 11), 5), ((2, 60), 1)]
)
def test_a_fade_takes_at_most_half_of_either_neighbour(lengths, frames):
    spans = [Span(0, lengths[0], Cut()), Span(lengths[0], sum(lengths), Cut())]
    assert way_in(spans, 1, FADE) == Transition(type=FADE.type, frames=frames)


def test_nothing_fades_into_the_first_segment_or_a_single_frame():
    cut = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
    spans = [Span(0, 60, Cut()), Span(60, 61, Cut())]
    assert way_in(spans, 0, FADE) == cut
    assert way_in(spans, 1, FADE) == cut
    assert way_in(spans, 1, cut) == cut


@pytest.mark.parametrize("output", [WIDE, TALL])
@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (1280, 720), (20_000, 500), (3, 9)])
def test_what_is_seen_has_the_outputs_shape(make, output, size):
    effect = ken_burns(7, 0, make.image(size=size), output, edl_pb2.FIT_COVER)
    move = effect.ken_burns
    for rect in (getattr(move, "from"), move.to):
        shape = (rect.w * size[0]) / (rect.h * size[1])
        # One unit of rounding; it weighs more where little of a long picture is seen.
        slack = 1 / min(rect.w, rect.h) * 2
        assert shape == pytest.approx(output.width / output.height, rel=slack)


def test_a_contained_picture_keeps_its_own_shape(make):
    assert visible_part(4000, 3000, WIDE, edl_pb2.FIT_CONTAIN).w == 65_536
    effect = ken_burns(0, 0, make.image(), WIDE, edl_pb2.FIT_CONTAIN)
    assert effect.ken_burns.to.w == effect.ken_burns.to.h


def test_moves_are_modest_and_take_turns(make):
    moves = [ken_burns(3, k, make.image(), WIDE, edl_pb2.FIT_COVER).ken_burns for k in range(40)]
    kinds = []
    for move in moves:
        begin, end = getattr(move, "from"), move.to
        wider, narrower = max(begin.w, end.w), min(begin.w, end.w)
        if wider == narrower:
            kinds.append("pan")
            assert begin.y == end.y
            travel = abs(begin.x - end.x) / wider
        else:
            kinds.append("in" if begin.w > end.w else "out")
            travel = wider / narrower - 1
        assert MIN_PERMILLE / 1000 - 0.001 <= travel <= MAX_PERMILLE / 1000 + 0.001
    assert all(one != other for one, other in pairwise(kinds))
    assert {"pan", "in", "out"} == set(kinds)
    assert len({move.SerializeToString() for move in moves}) > 30


def test_a_tall_video_pans_up_and_down(make):
    moves = [ken_burns(0, k, make.image(), TALL, edl_pb2.FIT_COVER).ken_burns for k in range(4)]
    pans = [move for move in moves if getattr(move, "from").w == move.to.w]
    assert len(pans) == 2
    assert all(getattr(pan, "from").x == pan.to.x for pan in pans)


def test_a_picture_of_unknown_size_stands_still(make):
    assert ken_burns(0, 0, make.image(size=(0, 0)), WIDE, edl_pb2.FIT_COVER) is None


def test_chance_is_a_hash_and_stays_what_it_is():
    assert roll(0, 0, "a" * 64) == roll(0, 0, "a" * 64)
    assert roll(0, 0, "a" * 64)[1:] != roll(0, 1, "a" * 64)[1:]
    assert roll(0, 0, "a" * 64)[1:] != roll(0, 0, "b" * 64)[1:]
