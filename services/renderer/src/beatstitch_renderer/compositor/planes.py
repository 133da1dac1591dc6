"""Pictures as three planes of 8-bit 4:2:0 BT.709 in studio range: what the encoder takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from beatstitch_renderer.compositor.geometry import Placement

    Bytes = NDArray[np.uint8]

# swscale's SWS_ACCURATE_RND and SWS_BITEXACT: without them each CPU's code rounds in its own way.
_SAME_ON_EVERY_CPU = 0x40000 | 0x80000
SCALER = int(Interpolation.BICUBIC) | _SAME_ON_EVERY_CPU
Colour = tuple[int, int, int]
# Y, U, V.
BLACK: Colour = (16, 128, 128)
WHITE: Colour = (235, 128, 128)
SIGNATURE_SIDE = 8
_SIGNATURE_STEP = 4
# A picture of twice this many lines may lose every second one.
_SIGNATURE_WHOLE = 64
_HALVES_UP = 0.001


@dataclass(frozen=True, slots=True)
class Planes:
    """Y, U, V; U and V have half the width and height. Not to be written to once handed on."""

    y: Bytes
    u: Bytes
    v: Bytes

    @property
    def all(self) -> tuple[Bytes, Bytes, Bytes]:
        """Y, U and V."""
        return self.y, self.u, self.v

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of Y."""
        return self.y.shape[1], self.y.shape[0]


def frame_planes(frame: av.VideoFrame) -> Planes:
    """Views of a yuv420p frame's planes; they keep its memory alive."""
    y, u, v = (_view(plane) for plane in frame.planes)
    return Planes(y, u, v)


def _view(plane: av.video.plane.VideoPlane) -> Bytes:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    view: Bytes = rows[: plane.height, : plane.width]
    return view


def filled(width: int, height: int, rgb: int) -> Planes:
    """A picture of one colour, 0xRRGGBB; even sizes."""
    colour = np.array([[[rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255]]], np.uint8)
    y, u, v = (int(plane[0, 0]) for plane in from_rgb(np.repeat(colour.repeat(16, 0), 16, 1)).all)
    half = (height // 2, width // 2)
    return Planes(
        np.full((height, width), y, np.uint8),
        np.full(half, u, np.uint8),
        np.full(half, v, np.uint8),
    )


def from_rgb(rgb: Bytes) -> Planes:
    """Converts packed 8-bit RGB (height, width, 3; even sizes)."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return frame_planes(
        frame.reformat(
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=SCALER,
            threads=1,
        )
    )


def turned(planes: Planes, clockwise: int) -> Planes:
    """Turned by 0, 90, 180 or 270 degrees."""
    turns = -clockwise // 90 % 4
    if turns == 0:
        return planes
    y, u, v = (np.ascontiguousarray(np.rot90(plane, turns)) for plane in planes.all)
    return Planes(y, u, v)


def placed(planes: Planes, place: Placement, ground: Planes) -> Planes:
    """The shown part of a scaled picture on the background; a view where it fills the frame."""
    parts = [_part(plane, place, i) for i, plane in enumerate(planes.all)]
    if (place.shown_width, place.shown_height) == ground.size:
        return Planes(*parts)
    canvas = [plane.copy() for plane in ground.all]
    for i, (target, part) in enumerate(zip(canvas, parts, strict=True)):
        half = 1 if i == 0 else 2
        x, y = place.x // half, place.y // half
        target[y : y + part.shape[0], x : x + part.shape[1]] = part
    return Planes(*canvas)


def _part(plane: Bytes, place: Placement, index: int) -> Bytes:
    half = 1 if index == 0 else 2
    x, y = place.crop_x // half, place.crop_y // half
    return plane[y : y + place.shown_height // half, x : x + place.shown_width // half]


def blended(lower: Planes, upper: Planes, weight: int) -> Planes:
    """Fades `upper` in by `weight` / 65536, in integers with a step of 1/256."""
    share = (weight + 128) >> 8
    # Exact in floats, as all products are multiples of 1/256: the little more makes halves go up.
    y, u, v = (
        np.asarray(cv2.addWeighted(a, (256 - share) / 256, b, share / 256, _HALVES_UP), np.uint8)
        for a, b in zip(lower.all, upper.all, strict=True)
    )
    return Planes(y, u, v)


def toned(planes: Planes, colour: Colour, weight: int) -> Planes:
    """Brought towards one colour by `weight` / 65536, in integers with a step of 1/256."""
    share = min((weight + 128) >> 8, 256)
    levels = np.arange(256) * (256 - share) + 128
    y, u, v = (
        np.asarray(cv2.LUT(plane, ((levels + value * share) >> 8).astype(np.uint8)), np.uint8)
        for plane, value in zip(planes.all, colour, strict=True)
    )
    return Planes(y, u, v)


def middle(size: tuple[int, int]) -> tuple[float, float]:
    """The point in the middle of a picture, in pixels."""
    return size[0] / 2, size[1] / 2


def magnified(planes: Planes, scale: float, anchor: tuple[float, float]) -> Planes:
    """`scale` times as large, 1 or more, cut off at the frame; a point in pixels stands still."""
    parts = []
    for i, plane in enumerate(planes.all):
        x, y = anchor if i == 0 else (anchor[0] / 2, anchor[1] / 2)
        # Pixel i covers i to i + 1: its middle is at i + 1/2.
        to = [x + (0.5 - x) / scale - 0.5, y + (0.5 - y) / scale - 0.5]
        matrix = np.array([[1 / scale, 0.0, to[0]], [0.0, 1 / scale, to[1]]])
        size = (plane.shape[1], plane.shape[0])
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        parts.append(
            np.asarray(
                cv2.warpAffine(plane, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE),
                np.uint8,
            )
        )
    return Planes(*parts)


def signature(luma: Bytes) -> bytes:
    """64 means of luma in an 8 × 8 grid: they tell pictures apart, and x264 keeps them.

    Large pictures are thinned out first. Small ones are not: x264 keeps means, not single pixels.
    """
    step = max(1, min(_SIGNATURE_STEP, min(luma.shape) // _SIGNATURE_WHOLE))
    thin = np.ascontiguousarray(luma[::step, ::step])
    side = (SIGNATURE_SIDE, SIGNATURE_SIDE)
    return bytes(cv2.resize(thin, side, interpolation=cv2.INTER_AREA).tobytes())
