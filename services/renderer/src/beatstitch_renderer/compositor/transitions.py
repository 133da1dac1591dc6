"""One segment becoming the next, frame by frame.

What is seen of either is drawn only when it is needed: nothing of the new one in the first half of
a fade through black. Edges and shifts are a whole number of chroma pixels, so even in luma: parts
of pictures are copied, never interpolated, and colour never runs over an edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.geometry import UNIT
from beatstitch_renderer.compositor.planes import (
    BLACK,
    WHITE,
    Colour,
    Planes,
    blended,
    magnified,
    middle,
    toned,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from beatstitch.v1.edl_pb2 import Direction, Transition, TransitionType

    Bytes = NDArray[np.uint8]

Draw = Callable[[], Planes]
_VERTICAL = frozenset({edl_pb2.DIRECTION_UP, edl_pb2.DIRECTION_DOWN})
_FORWARDS = frozenset({edl_pb2.DIRECTION_RIGHT, edl_pb2.DIRECTION_DOWN})


def between(way_in: Transition, old: Draw, new: Draw, progress: int) -> Planes:
    """A frame of a transition.

    Args:
        way_in: The new segment's.
        old: Draws the old segment's picture.
        new: Draws the new segment's picture.
        progress: How far it is done in 1/65536, above 0 and below the whole.
    """
    return _WAYS[way_in.type](way_in.direction, old, new, progress)


def edge_at(progress: int, length: int) -> int:
    """How many of the frame's `length` columns or lines are the new one's; both are even."""
    return 2 * ((progress * (length // 2) + UNIT // 2) // UNIT)


def _crossfade(_: Direction.ValueType, old: Draw, new: Draw, progress: int) -> Planes:
    return blended(old(), new(), progress)


def _zoom(_: Direction.ValueType, old: Draw, new: Draw, progress: int) -> Planes:
    lower = old()
    nearer = magnified(lower, (UNIT + progress) / UNIT, middle(lower.size))
    return blended(nearer, new(), progress)


def _through(colour: Colour) -> _Way:
    def fade(_: Direction.ValueType, old: Draw, new: Draw, progress: int) -> Planes:
        if 2 * progress <= UNIT:
            return toned(old(), colour, 2 * progress)
        return toned(new(), colour, 2 * (UNIT - progress))

    return fade


def _moving(*, old_moves: bool, new_moves: bool) -> _Way:
    def move(direction: Direction.ValueType, old: Draw, new: Draw, progress: int) -> Planes:
        forwards, axis = direction in _FORWARDS, 0 if direction in _VERTICAL else 1

        def joined(lower: Bytes, upper: Bytes, edge: int) -> Bytes:
            left = lower.shape[axis] - edge
            rest = _part(lower, axis, left, at_start=forwards == old_moves)
            fresh = _part(upper, axis, edge, at_start=forwards != new_moves)
            return np.concatenate((fresh, rest) if forwards else (rest, fresh), axis)

        a, b = old(), new()
        edge = edge_at(progress, a.y.shape[axis])
        half = edge // 2
        return Planes(joined(a.y, b.y, edge), joined(a.u, b.u, half), joined(a.v, b.v, half))

    return move


def _part(plane: Bytes, axis: int, length: int, *, at_start: bool) -> Bytes:
    """The first or the last `length` lines or columns."""
    begin = 0 if at_start else plane.shape[axis] - length
    return plane[begin : begin + length] if axis == 0 else plane[:, begin : begin + length]


_Way = Callable[["Direction.ValueType", Draw, Draw, int], Planes]
_WAYS: dict[TransitionType.ValueType, _Way] = {
    edl_pb2.TRANSITION_TYPE_CROSSFADE: _crossfade,
    edl_pb2.TRANSITION_TYPE_FADE_BLACK: _through(BLACK),
    edl_pb2.TRANSITION_TYPE_FADE_WHITE: _through(WHITE),
    edl_pb2.TRANSITION_TYPE_WIPE: _moving(old_moves=False, new_moves=False),
    edl_pb2.TRANSITION_TYPE_SLIDE: _moving(old_moves=False, new_moves=True),
    edl_pb2.TRANSITION_TYPE_PUSH: _moving(old_moves=True, new_moves=True),
    edl_pb2.TRANSITION_TYPE_ZOOM: _zoom,
}
TRANSITIONS: tuple[TransitionType.ValueType, ...] = (edl_pb2.TRANSITION_TYPE_CUT, *_WAYS)
"""All that can be rendered."""
