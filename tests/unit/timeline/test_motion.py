"""Slow moves over still pictures: in turns, as asked, and always inside what is seen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import OutputFormat, UnitPoint
from beatstitch_core.edl.pictures import UNIT
from beatstitch_timeline.framing import focus_of, visible_part
from beatstitch_timeline.motion import MAX_PERMILLE, MIN_PERMILLE, PRESETS, image_effect, roll

WIDE = OutputFormat(width=1280, height=720)
TALL = OutputFormat(width=720, height=1280)
COVER, FOCUS = edl_pb2.FIT_COVER, edl_pb2.FIT_FOCUS
TURNING = timeline_pb2.IMAGE_MOTION_KEN_BURNS
TO_FOCUS = timeline_pb2.IMAGE_MOTION_ZOOM_TO_FOCUS


def moves(picture, motion=TURNING, output=WIDE, fit=COVER, seed=0, count=4):
    effects = (
        image_effect(motion, picture, seed=seed, index=k, output=output, fit=fit)
        for k in range(count)
    )
    return [
        (getattr(effect.ken_burns, "from"), effect.ken_burns.to)
        for effect in effects
        if effect is not None
    ]


def looked_at(picture, x, y):
    picture.traits.schema_version = "1.0"
    picture.traits.focus_x, picture.traits.focus_y = x, y
    return picture


@pytest.mark.parametrize("output", [WIDE, TALL])
@pytest.mark.parametrize("fit", [COVER, FOCUS])
@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (1280, 720), (20_000, 500), (3, 9)])
def test_what_is_seen_has_the_outputs_shape(make, output, fit, size):
    picture = looked_at(make.image(size=size), 60_000, 10)
    for rects in moves(picture, output=output, fit=fit, seed=7):
        for rect in rects:
            shape = (rect.w * size[0]) / (rect.h * size[1])
            # One unit of rounding; it weighs more where little of a long picture is seen.
            slack = 1 / min(rect.w, rect.h) * 2
            assert shape == pytest.approx(output.width / output.height, rel=slack)


@pytest.mark.parametrize("fit", [edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR])
def test_a_picture_that_is_all_seen_keeps_its_own_shape(make, fit):
    assert visible_part(4000, 3000, WIDE, fit).w == UNIT
    for rects in moves(make.image(), fit=fit):
        assert all(rect.w == rect.h for rect in rects)


def test_moves_are_modest_and_take_turns(make):
    kinds = []
    rects = moves(make.image(), seed=3, count=40)
    for begin, end in rects:
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
    assert len({str(pair) for pair in rects}) > 30


def test_a_tall_video_pans_up_and_down(make):
    pans = [(one, two) for one, two in moves(make.image(), output=TALL) if one.w == two.w]
    assert len(pans) == 2
    assert all(one.x == two.x for one, two in pans)


@pytest.mark.parametrize(
    ("motion", "across", "along"),
    [
        (timeline_pb2.IMAGE_MOTION_PAN_LEFT, -1, 0),
        (timeline_pb2.IMAGE_MOTION_PAN_RIGHT, 1, 0),
        (timeline_pb2.IMAGE_MOTION_PAN_UP, 0, -1),
        (timeline_pb2.IMAGE_MOTION_PAN_DOWN, 0, 1),
    ],
)
@pytest.mark.parametrize("output", [WIDE, TALL])
def test_the_view_moves_where_it_is_told_to(make, motion, across, along, output):
    for begin, end in moves(make.image(), motion, output):
        assert (begin.w, begin.h) == (end.w, end.h)
        assert (end.x > begin.x) - (end.x < begin.x) == across
        assert (end.y > begin.y) - (end.y < begin.y) == along


def test_zooms_go_one_way(make):
    nearer = moves(make.image(), timeline_pb2.IMAGE_MOTION_ZOOM_IN)
    away = moves(make.image(), timeline_pb2.IMAGE_MOTION_ZOOM_OUT)
    assert all(end.w < begin.w and end.h < begin.h for begin, end in nearer)
    assert away == [(end, begin) for begin, end in nearer]


def test_a_zoom_ends_where_the_eye_goes(make):
    (_, end), *_ = moves(looked_at(make.image(), 20_000, 34_000), TO_FOCUS)
    # What is seen of a 4:3 picture in 16:9 is 56 992 to 60 681 units wide at the zoom's end.
    assert abs(end.y + end.h // 2 - 34_000) <= 1
    assert end.x == 0  # as far to the left as there is picture
    (_, middle), *_ = moves(make.image(), TO_FOCUS)
    assert abs(middle.x + middle.w // 2 - UNIT // 2) <= 1


def test_a_focus_is_known_from_traits_only(make):
    assert focus_of(make.image()) == UnitPoint(x=32_768, y=32_768)
    assert focus_of(looked_at(make.image(), 0, 99_999)) == UnitPoint(x=0, y=UNIT)


def test_a_portrait_in_a_wide_frame_is_cut_off_away_from_its_face(make):
    whole = visible_part(3000, 4000, WIDE, FOCUS, UnitPoint(x=32_768, y=10_000))
    assert (whole.x, whole.y, whole.w) == (0, 0, UNIT)
    lower = visible_part(3000, 4000, WIDE, FOCUS, UnitPoint(x=32_768, y=40_000))
    assert lower.y + lower.h // 2 == 40_000


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_of_unknown_size_stands_still(make, size):
    assert not moves(make.image(size=size))


def test_still_is_still(make):
    assert not moves(make.image(), timeline_pb2.IMAGE_MOTION_STILL)


@given(
    size=st.tuples(st.integers(1, 60_000), st.integers(1, 60_000)),
    motion=st.sampled_from([TURNING, *PRESETS]),
    fit=st.sampled_from(edl_pb2.Fit.values()),
    eye=st.tuples(st.integers(0, UNIT), st.integers(0, UNIT)),
    seed=st.integers(-(2**63), 2**63 - 1),
    output=st.sampled_from([WIDE, TALL, OutputFormat(width=16, height=7680)]),
)
def test_a_move_never_leaves_the_picture(make, size, motion, fit, eye, seed, output):
    picture = looked_at(make.image(size=size), *eye)
    for rects in moves(picture, motion, output, fit, seed):
        for rect in rects:
            assert rect.w > 0
            assert rect.h > 0
            assert 0 <= rect.x <= UNIT - rect.w
            assert 0 <= rect.y <= UNIT - rect.h


def test_chance_is_a_hash_and_stays_what_it_is():
    assert roll(0, 0, "a" * 64) == roll(0, 0, "a" * 64)
    assert roll(0, 0, "a" * 64)[1:] != roll(0, 1, "a" * 64)[1:]
    assert roll(0, 0, "a" * 64)[1:] != roll(0, 0, "b" * 64)[1:]
