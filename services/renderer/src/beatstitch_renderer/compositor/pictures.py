"""Finished pictures for people: RGB, JPEG, PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from beatstitch_renderer.compositor.planes import SCALER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from beatstitch_renderer.compositor.planes import Planes

    Bytes = NDArray[np.uint8]

_JPEG_QUALITY = 90
# Libpng's fastest that still filters: a preview of 360 lines in some milliseconds.
_PNG_LEVEL = 3


def to_rgb(planes: Planes) -> Bytes:
    """Packed 8-bit RGB of a finished picture (BT.709, studio range)."""
    width, height = planes.size
    frame = av.VideoFrame(width, height, "yuv420p")
    for target, plane in zip(frame.planes, planes.all, strict=True):
        lines = np.zeros((plane.shape[0], target.line_size), np.uint8)
        lines[:, : plane.shape[1]] = plane
        target.update(lines.tobytes())
    return frame_rgb(frame)


def frame_rgb(frame: av.VideoFrame) -> Bytes:
    """Packed 8-bit RGB of a BT.709 frame in studio range, or of one that is RGB."""
    if frame.format.is_rgb or frame.format.has_palette:
        return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    made = frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALER,
        threads=1,
    ).to_ndarray()
    return np.asarray(made, np.uint8)


def jpeg(rgb: Bytes) -> bytes:
    """A JPEG of quality 90."""
    made = io.BytesIO()
    Image.fromarray(rgb).save(made, "JPEG", quality=_JPEG_QUALITY)
    return made.getvalue()


def png(rgb: Bytes) -> bytes:
    """A PNG."""
    made = io.BytesIO()
    Image.fromarray(rgb).save(made, "PNG", compress_level=_PNG_LEVEL)
    return made.getvalue()
