"""Interlaced frames as one moment: where two moments are combed together, one field is kept.

A clip is a function of time that may be asked anywhere, so each frame is made of itself alone: of
a combed place the lines of the upper field stay, and those of the lower one are made from them by
the kernel that FFmpeg's bwdif has within a field (Weston's, 4 lines, integers). Where nothing is
combed, the frame stays as it is: what is progressive and only says otherwise loses
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    Samples = NDArray[np.int32]

# bwdif's: of the two nearest lines of the field and of the two beyond, in 1/8192.
_NEAR, _FAR, _BITS = 5077, 981, 13
# A line that differs from both beside it by more than this, the same way, is of another moment.
_COMBED_LEVELS = 10
_SPREAD = np.ones((5, 5), np.uint8)


def deinterlaced(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame as it is, or without its second moment where it has two."""
    if not frame.interlaced_frame or frame.height < 8:
        return frame
    depth = _depth(frame)
    if depth == 0:
        return frame
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for source, target in zip(frame.planes, made.planes, strict=True):
        kind = np.uint8 if depth == 8 else np.uint16
        lines = np.frombuffer(source, kind).reshape(-1, source.line_size // np.dtype(kind).itemsize)  # type: ignore[call-overload]
        whole = np.zeros((source.height, target.line_size // np.dtype(kind).itemsize), kind)
        shown = lines[: source.height, : source.width]
        whole[:, : source.width] = one_moment(shown, depth)
        target.update(whole.tobytes())
    made.pts, made.dts, made.time_base = frame.pts, frame.dts, frame.time_base
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    made.color_trc, made.color_primaries = frame.color_trc, frame.color_primaries
    return made


def one_moment(plane: NDArray[np.uint8 | np.uint16], depth: int) -> NDArray[np.uint8 | np.uint16]:
    """A plane without combs; the same values where there are none."""
    field = plane[0::2].astype(np.int32)
    other = plane[1::2].astype(np.int32)
    above, below = field[: len(other)], _after(field, len(other), 1)
    threshold = _COMBED_LEVELS << (depth - 8)
    up, down = other - above, other - below
    combed = ((up > threshold) & (down > threshold)) | ((up < -threshold) & (down < -threshold))
    if not combed.any():
        return plane
    far = _after(field, len(other), -1) + _after(field, len(other), 2)
    filled = (_NEAR * (above + below) - _FAR * far + (1 << (_BITS - 1))) >> _BITS
    filled = np.clip(filled, 0, (1 << depth) - 1)
    spread = cv2.dilate(combed.astype(np.uint8), _SPREAD) > 0
    made = plane.copy()
    made[1::2] = np.where(spread, filled, other)
    return made


def _after(field: Samples, count: int, by: int) -> Samples:
    """The field's lines `by` further down, the first or last again where there are none."""
    places = np.clip(np.arange(count) + by, 0, len(field) - 1)
    lines: Samples = field[places]
    return lines


def _depth(frame: av.VideoFrame) -> int:
    """Bits of a planar YUV format; 0 for others, which nothing interlaced comes in."""
    name = frame.format.name
    if name in {"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p"}:
        return 8
    if name in {"yuv420p10le", "yuv422p10le"}:
        return 10
    return 0
