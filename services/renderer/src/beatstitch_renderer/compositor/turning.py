"""How a clip wants to be held: quarter turns, and mirrors, from its display matrix."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from beatstitch_media.display_matrix import display_matrix
from beatstitch_renderer.compositor.planes import Planes, turned

if TYPE_CHECKING:
    import av

_MATRIX_BYTES = 36


class Hold(NamedTuple):
    """How a decoded frame becomes upright.

    Attributes:
        mirrored: First its left and right change places.
        clockwise: Then it is turned by so many degrees: 0, 90, 180 or 270.
    """

    mirrored: bool
    clockwise: int


def hold_of(frame: av.VideoFrame) -> Hold:
    """How a frame wants to be held."""
    data = display_matrix(frame)
    if len(data) < _MATRIX_BYTES:
        return Hold(mirrored=False, clockwise=-frame.rotation % 360 // 90 * 90)
    return hold_by(struct.unpack("<9i", data[:_MATRIX_BYTES]))


def hold_by(matrix: tuple[int, ...]) -> Hold:
    """How a display matrix (ISO 14496-12: a b u, c d v, x y w) wants a frame to be held."""
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    degrees = math.degrees(math.atan2(b, a))
    return Hold(mirrored, round(degrees / 90) * 90 % 360)


def upright(planes: Planes, hold: Hold) -> Planes:
    """A frame as it wants to be held."""
    if hold.mirrored:
        planes = Planes(*(np.ascontiguousarray(plane[:, ::-1]) for plane in planes.all))
    return turned(planes, hold.clockwise)
