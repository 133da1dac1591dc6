"""Sizes, rectangles, moves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.geometry import move_rect, place, view_matrix

SIDE = st.integers(1, 9000)
EVEN = st.integers(8, 2000).map(lambda half: half * 2)


@given(source=st.tuples(SIDE, SIDE), frame=st.tuples(EVEN, EVEN))
def test_cover_fills_and_contain_stays_inside(source, frame):
    cover = place(source, frame, edl_pb2.FIT_COVER)
    assert (cover.shown_width, cover.shown_height, cover.x, cover.y) == (*frame, 0, 0)
    assert cover.crop_x + frame[0] <= cover.width
    assert cover.crop_y + frame[1] <= cover.height
    contain = place(source, frame, edl_pb2.FIT_CONTAIN)
    assert contain.x + contain.width <= frame[0]
    assert contain.y + contain.height <= frame[1]
    assert contain.width == frame[0] or contain.height == frame[1]
    for spot in (cover, contain):
        numbers = (spot.width, spot.height, spot.crop_x, spot.crop_y, spot.x, spot.y)
        assert all(number % 2 == 0 for number in numbers)


def test_a_picture_of_the_frames_shape_is_scaled_and_nothing_else():
    for fit in (edl_pb2.FIT_COVER, edl_pb2.FIT_CONTAIN):
        spot = place((3840, 2160), (1920, 1080), fit)
        assert (spot.width, spot.height, spot.crop_x, spot.x) == (1920, 1080, 0, 0)


def test_a_move_begins_and_ends_where_it_should():
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(x=0, y=0, w=65_536, h=65_536))
    move.to.CopyFrom(edl_pb2.UnitRect(x=16_384, y=16_384, w=32_768, h=32_768))
    assert move_rect(move, 0, 10) == (0, 0, 1, 1)
    assert move_rect(move, 10, 10) == (0.25, 0.25, 0.5, 0.5)
    assert move_rect(move, 5, 10) == (0.125, 0.125, 0.75, 0.75)
    assert move_rect(move, 0, 0) == (0, 0, 1, 1)
    assert move_rect(move, 99, 10) == (0.25, 0.25, 0.5, 0.5)


@given(
    source=st.tuples(st.integers(16, 5000), st.integers(16, 5000)),
    x=st.floats(0, 0.5),
    y=st.floats(0, 0.5),
    w=st.floats(0.1, 0.5),
    h=st.floats(0.1, 0.5),
)
def test_a_covering_view_never_leaves_the_picture(source, x, y, w, h):
    frame = (320, 180)
    matrix = view_matrix((x, y, w, h), source, frame, edl_pb2.FIT_COVER)
    for corner in ((-0.5, -0.5, 1), (frame[0] - 0.5, frame[1] - 0.5, 1)):
        at = matrix @ np.array(corner)
        assert -0.5 - 1e-6 <= at[0] <= source[0] - 0.5 + 1e-6
        assert -0.5 - 1e-6 <= at[1] <= source[1] - 0.5 + 1e-6
