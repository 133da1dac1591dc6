"""A still picture as it is shown: decoded once, brought to size, moved by sub-pixel maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from beatstitch_renderer.compositor.geometry import move_rect, place, view_matrix
from beatstitch_renderer.compositor.moving import over_colour
from beatstitch_renderer.compositor.planes import Planes, from_rgb, placed

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Fit, KenBurns

# A move that shrinks more than this in one step is drawn at twice the size, then halved.
_MAX_SHRINK = 1.6
Pixels = NDArray[np.uint8]


class StillPicture:
    """A decoded picture that gives finished pictures.

    Args:
        pixels: Packed 8-bit RGB or RGBA, upright.
        ground: The background, of the frame's size.
        background_rgb: Its colour, 0xRRGGBB.
    """

    def __init__(self, pixels: Pixels, ground: Planes, background_rgb: int) -> None:
        opaque = pixels.shape[2] == 3
        self._rgb = pixels if opaque else over_colour(pixels, background_rgb)
        self._ground = ground
        self._fixed: dict[int, Planes] = {}
        self._levels: dict[tuple[int, int], Planes] = {}

    @property
    def held_bytes(self) -> int:
        """Memory that it holds, about."""
        prepared = [*self._fixed.values(), *self._levels.values()]
        return self._rgb.nbytes + sum(p.y.nbytes * 3 // 2 for p in prepared)

    def picture(self, fit: Fit.ValueType) -> Planes:
        """The picture at rest; the same object each time."""
        if fit not in self._fixed:
            source = (self._rgb.shape[1], self._rgb.shape[0])
            spot = place(source, self._ground.size, fit)
            self._fixed[fit] = placed(self._at_size(spot.width, spot.height), spot, self._ground)
        return self._fixed[fit]

    def moved(self, move: KenBurns, step: int, last_step: int, fit: Fit.ValueType) -> Planes:
        """The picture `step` frames into a move that ends at `last_step`."""
        source = self._level(move, last_step, fit)
        rect = move_rect(move, step, last_step)
        frame = self._ground.size
        matrix = view_matrix(rect, source.size, frame, fit)
        border = cv2.BORDER_REPLICATE if _covers(matrix, source.size, frame) else None
        parts = []
        for plane, ground in zip(source.all, self._ground.all, strict=True):
            # One view in units of the picture; each plane has its own pixels.
            size = (ground.shape[1], ground.shape[0])
            own = view_matrix(rect, (plane.shape[1], plane.shape[0]), size, fit)
            parts.append(_warped(plane, own, size, border, int(ground[0, 0])))
        return Planes(*parts)

    def _level(self, move: KenBurns, last_step: int, fit: Fit.ValueType) -> Planes:
        """The picture in the size at which the move's closest view needs no magnifying."""
        full = (self._rgb.shape[1], self._rgb.shape[0])
        scale = min(
            view_matrix(move_rect(move, step, last_step), full, self._ground.size, fit)[0, 0]
            for step in (0, last_step)
        )
        size = full if scale <= 1 else (round(full[0] / scale), round(full[1] / scale))
        even = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        if even not in self._levels:
            self._levels[even] = self._at_size(*even)
        return self._levels[even]

    def _at_size(self, width: int, height: int) -> Planes:
        tall, wide = self._rgb.shape[:2]
        if (wide, tall) == (width, height):
            return from_rgb(self._rgb)
        shrinks = width <= wide and height <= tall
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        sized = cv2.resize(self._rgb, (width, height), interpolation=way)
        return from_rgb(np.asarray(sized, np.uint8))


def _covers(matrix: np.ndarray, source: tuple[int, int], frame: tuple[int, int]) -> bool:
    """Whether the view lies inside the picture, up to rounding."""
    scale = matrix[0, 0]
    for axis in (0, 1):
        left = matrix[axis, 2] + 0.5 - scale / 2
        if left < -0.01 or left + scale * frame[axis] > source[axis] + 0.01:
            return False
    return True


def _warped(
    plane: Pixels, matrix: np.ndarray, size: tuple[int, int], border: int | None, ground: int
) -> Pixels:
    shrinks = matrix[0, 0] > _MAX_SHRINK
    target = (size[0] * 2, size[1] * 2) if shrinks else size
    if shrinks:
        matrix = matrix.copy()
        matrix[:, :2] /= 2
        matrix[:, 2] -= matrix[0, 0] / 2
    drawn = cv2.warpAffine(
        plane,
        matrix,
        target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT if border is None else border,
        borderValue=ground,
    )
    if shrinks:
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    return np.asarray(drawn, np.uint8)
