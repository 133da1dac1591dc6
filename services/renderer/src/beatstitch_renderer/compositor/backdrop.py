"""What is behind a picture that leaves part of the frame free, with FIT_BLUR: itself, out of focus.

It is made small first, so that blurring costs next to nothing, and in the same number of pixels
whatever the frame's size, so that a preview looks like the final.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from beatstitch_renderer.compositor.planes import BLACK, Planes, toned

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The small picture's longer side, and the blur in its pixels: 1/32 of the frame.
_SIDE = 96
_SIGMA = 3.0
# How much darker than the picture, in 1/65536.
_DARKER = 29_491


def backdrop(picture: Planes, frame: tuple[int, int]) -> Planes:
    """A frame full of the picture, blurred and darkened.

    Args:
        picture: All of it, in any size.
        frame: Width and height to fill; even.
    """
    wide, tall = frame
    unit = max(wide, tall)
    small = (_even(wide * _SIDE, unit), _even(tall * _SIDE, unit))
    parts = []
    for i, plane in enumerate(picture.all):
        half = 1 if i == 0 else 2
        tiny = cv2.resize(
            _cut(plane, frame), (small[0] // half, small[1] // half), interpolation=cv2.INTER_AREA
        )
        soft = cv2.GaussianBlur(tiny, (0, 0), _SIGMA / half, borderType=cv2.BORDER_REPLICATE)
        parts.append(np.asarray(soft, np.uint8))
    dark = toned(Planes(*parts), BLACK, _DARKER)
    sizes = (frame, (wide // 2, tall // 2), (wide // 2, tall // 2))
    y, u, v = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        for plane, size in zip(dark.all, sizes, strict=True)
    )
    return Planes(y, u, v)


def _cut(plane: NDArray[np.uint8], frame: tuple[int, int]) -> NDArray[np.uint8]:
    """The plane's middle in the frame's shape."""
    tall, wide = plane.shape
    width = min(wide, max(1, tall * frame[0] // frame[1]))
    height = min(tall, max(1, wide * frame[1] // frame[0]))
    left, top = (wide - width) // 2, (tall - height) // 2
    return plane[top : top + height, left : left + width]


def _even(numerator: int, denominator: int) -> int:
    return max(2, numerator // denominator // 2 * 2)
