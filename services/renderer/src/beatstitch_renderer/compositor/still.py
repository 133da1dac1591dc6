"""A still picture as it is shown: decoded once, brought to size, moved by sub-pixel maps.

What it is shown from is kept, the decoded picture isn't: a photo of 24 megapixels is 72 MB, its
planes at the size at which a move looks at them 6 to 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.backdrop import backdrop
from beatstitch_renderer.compositor.geometry import CENTRE, move_rect, place, view_matrix
from beatstitch_renderer.compositor.moving import over_colour
from beatstitch_renderer.compositor.planes import Planes, from_rgb, placed
from beatstitch_renderer.compositor.warping import covers, warped, warped_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from beatstitch.v1.edl_pb2 import Fit, KenBurns

Pixels = NDArray[np.uint8]


class StillPicture:
    """A decoded picture that gives finished pictures.

    Args:
        decode: Gives packed 8-bit RGB or RGBA, upright; the same each time. Asked when the picture
            is first shown, and again when it is shown in another way.
        ground: The background, of the frame's size.
        background_rgb: Its colour, 0xRRGGBB.
    """

    def __init__(self, decode: Callable[[], Pixels], ground: Planes, background_rgb: int) -> None:
        self._decode, self._background = decode, background_rgb
        self._pixels: Pixels | None = None
        self._size = (0, 0)
        self._ground = ground
        self._fixed: dict[tuple[int, tuple[int, int]], Planes] = {}
        self._levels: dict[tuple[int, int], Planes] = {}
        self._behind: Planes | None = None
        self._view: tuple[tuple[object, ...], Planes] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the decoded picture."""
        if self._size == (0, 0):
            self._rgb()
        return self._size

    @property
    def held_bytes(self) -> int:
        """Memory that it holds between two frames, about."""
        prepared = [*self._fixed.values(), *self._levels.values()]
        prepared += [planes for planes in (self._behind,) if planes is not None]
        prepared += [self._view[1]] if self._view else []
        return sum(p.y.nbytes * 3 // 2 for p in prepared)

    def _rgb(self) -> Pixels:
        if self._pixels is None:
            pixels = self._decode()
            opaque = pixels.shape[2] == 3
            self._pixels = pixels if opaque else over_colour(pixels, self._background)
            self._size = self._pixels.shape[1], self._pixels.shape[0]
        return self._pixels

    def picture(self, fit: Fit.ValueType, focus: tuple[int, int] = CENTRE) -> Planes:
        """The picture at rest; the same object each time."""
        key = (int(fit), focus)
        if key not in self._fixed:
            spot = place(self.size, self._ground.size, fit, focus)
            free = (spot.shown_width, spot.shown_height) != self._ground.size
            behind = self._backdrop() if free and fit == edl_pb2.FIT_BLUR else self._ground
            self._fixed[key] = placed(self._at_size(spot.width, spot.height), spot, behind)
        self._pixels = None
        return self._fixed[key]

    def moved(self, move: KenBurns, step: int, last_step: int, fit: Fit.ValueType) -> Planes:
        """The picture `step` frames into a move that ends at `last_step`.

        The same object again while the move rests, before its first frame and after its last.
        """
        source = self._level(move, fit)
        rect = move_rect(move, step, last_step)
        key = (rect, source.size, int(fit))
        if self._view is None or self._view[0] != key:
            self._view = (key, self._seen(source, rect, fit))
        self._pixels = None
        return self._view[1]

    def _seen(
        self, source: Planes, rect: tuple[float, float, float, float], fit: Fit.ValueType
    ) -> Planes:
        frame = self._ground.size
        full = covers(view_matrix(rect, source.size, frame, fit), source.size, frame)
        behind = self._backdrop() if fit == edl_pb2.FIT_BLUR and not full else self._ground
        parts = []
        for plane, ground in zip(source.all, behind.all, strict=True):
            # One view in units of the picture; each plane has its own pixels.
            own = view_matrix(rect, plane.shape[::-1], ground.shape[::-1], fit)
            size = ground.shape[::-1]
            parts.append(warped(plane, own, size) if full else warped_over(plane, own, ground))
        return Planes(*parts)

    def _backdrop(self) -> Planes:
        """What is behind the picture with FIT_BLUR."""
        if self._behind is None:
            spot = place(self.size, self._ground.size, edl_pb2.FIT_BLUR)
            self._behind = backdrop(self._at_size(spot.width, spot.height), self._ground.size)
        return self._behind

    def _level(self, move: KenBurns, fit: Fit.ValueType) -> Planes:
        """The picture in the size at which the move's closest view needs no magnifying.

        The same in every frame and every piece, also where only the move's begin is seen.
        """
        full = self.size
        scale = min(
            view_matrix(move_rect(move, step, 1), full, self._ground.size, fit)[0, 0]
            for step in (0, 1)
        )
        size = full if scale <= 1 else (round(full[0] / scale), round(full[1] / scale))
        even = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        if even not in self._levels:
            self._levels[even] = self._at_size(*even)
        return self._levels[even]

    def _at_size(self, width: int, height: int) -> Planes:
        rgb = self._rgb()
        tall, wide = rgb.shape[:2]
        if (wide, tall) == (width, height):
            return from_rgb(rgb)
        shrinks = width <= wide and height <= tall
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        sized = cv2.resize(rgb, (width, height), interpolation=way)
        return from_rgb(np.asarray(sized, np.uint8))
