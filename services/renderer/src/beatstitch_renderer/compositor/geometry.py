"""Where a picture lands in the frame: pure arithmetic of sizes, rectangles and moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from beatstitch.v1 import edl_pb2

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Fit, KenBurns, UnitRect

UNIT = 65_536
CENTRE = (UNIT // 2, UNIT // 2)
_WHOLLY_SEEN = frozenset({edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR})


def fills(fit: Fit.ValueType) -> bool:
    """Whether a picture fills the frame and is cut off, rather than being seen whole."""
    return fit not in _WHOLLY_SEEN


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture scaled to `width` × `height`, of which a part is shown at a place in the frame.

    All are even, so that they hold for the chroma planes too, which have half the size.

    Attributes:
        width: Width after scaling.
        height: Height after scaling.
        crop_x: First column of the scaled picture that is shown.
        crop_y: First line of the scaled picture that is shown.
        x: Where that column is in the frame.
        y: Where that line is in the frame.
        shown_width: Columns shown.
        shown_height: Lines shown.
    """

    width: int
    height: int
    crop_x: int
    crop_y: int
    x: int
    y: int
    shown_width: int
    shown_height: int


def place(
    source: tuple[int, int],
    frame: tuple[int, int],
    fit: Fit.ValueType,
    focus: tuple[int, int] = CENTRE,
) -> Placement:
    """Fits a picture into a frame.

    Args:
        source: Width and height as shown.
        frame: The same of the frame; even.
        fit: How.
        focus: In 1/65536 of the picture, what comes as near to the frame's middle as can be where
            the picture is cut off.
    """
    (sw, sh), (fw, fh) = source, frame
    wider = sw * fh >= sh * fw
    if fills(fit) != wider:
        width, height = fw, _even(sh * fw, sw)
    else:
        width, height = _even(sw * fh, sh), fh
    if not fills(fit):
        width, height = min(width, fw), min(height, fh)
        x, y = _even_half(fw - width), _even_half(fh - height)
        return Placement(width, height, 0, 0, x, y, width, height)
    width, height = max(width, fw), max(height, fh)
    left, top = _cut_off(width, fw, focus[0]), _cut_off(height, fh, focus[1])
    return Placement(width, height, left, top, 0, 0, fw, fh)


def _cut_off(length: int, shown: int, focus: int) -> int:
    """Where the shown part of a scaled picture begins: around the focus, inside the picture."""
    begin = ((focus * length + UNIT // 2) // UNIT - shown // 2) // 2 * 2
    return min(max(begin, 0), length - shown)


def anchor_of(
    source: tuple[int, int], frame: tuple[int, int], fit: Fit.ValueType, focus: tuple[int, int]
) -> tuple[float, float]:
    """Where a fitted picture's focus is in the frame, in pixels."""
    spot = place(source, frame, fit, focus)
    x = spot.x - spot.crop_x + focus[0] * spot.width / UNIT
    y = spot.y - spot.crop_y + focus[1] * spot.height / UNIT
    return min(max(x, 0.0), float(frame[0])), min(max(y, 0.0), float(frame[1]))


def _even(numerator: int, denominator: int) -> int:
    """The even number nearest to the fraction, at least 2."""
    return max(2, 2 * ((numerator + denominator) // (2 * denominator)))


def _even_half(value: int) -> int:
    return value // 4 * 2


def move_rect(move: KenBurns, step: int, last_step: int) -> tuple[float, float, float, float]:
    """The part shown `step` frames into a move that ends at `last_step`: x, y, w, h in 0 to 1."""
    begin: UnitRect = getattr(move, "from")
    end: UnitRect = move.to
    last = max(1, last_step)
    done = min(max(step, 0), last)

    def between(a: int, b: int) -> float:
        return (a * (last - done) + b * done) / (last * UNIT)

    return (
        between(begin.x, end.x),
        between(begin.y, end.y),
        between(begin.w, end.w),
        between(begin.h, end.h),
    )


def view_matrix(
    rect: tuple[float, float, float, float],
    source: tuple[int, int],
    frame: tuple[int, int],
    fit: Fit.ValueType,
) -> np.ndarray:
    """The affine map from pixels of the frame to pixels of the source, 2 × 3.

    The middle of `rect` (in 0 to 1 of the source) comes to the middle of the frame; one scale for
    both axes, such that the rectangle covers the frame or is contained in it. With COVER the view
    is moved inside the source where rounding would let it stand over. For cv2.WARP_INVERSE_MAP.
    """
    (sw, sh), (fw, fh) = source, frame
    x, y, w, h = rect[0] * sw, rect[1] * sh, rect[2] * sw, rect[3] * sh
    cover = fills(fit)
    scale = min(w / fw, h / fh) if cover else max(w / fw, h / fh)
    left, top = x + w / 2 - scale * fw / 2, y + h / 2 - scale * fh / 2
    if cover:
        left = min(max(left, 0.0), sw - scale * fw)
        top = min(max(top, 0.0), sh - scale * fh)
    # Pixel i covers i to i + 1: its middle is at i + 1/2 on either side.
    shift = scale / 2 - 0.5
    return np.array([[scale, 0.0, left + shift], [0.0, scale, top + shift]])
