"""Clips' frames of HDR and wide colour, brought to BT.709 by `beatstitch_media.tone`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from beatstitch_media.tone import curve_of, to_709
from beatstitch_renderer.compositor.colour import matrix_of, range_of
from beatstitch_renderer.compositor.planes import SCALER, Planes, from_rgb

if TYPE_CHECKING:
    import av


def tone_of(frame: av.VideoFrame) -> int | None:
    """By which curve a frame has to be brought to BT.709; None where it needs none."""
    return curve_of(int(frame.color_trc), int(frame.color_primaries))


def toned_frame(
    frame: av.VideoFrame, size: tuple[int, int], curve: int, scaler: VideoReformatter
) -> Planes:
    """A frame of width and height `size`, in BT.709.

    Args:
        frame: As decoded.
        size: Even.
        curve: See `tone_of`.
        scaler: Kept from frame to frame.
    """
    deep = scaler.reformat(
        frame,
        width=size[0],
        height=size[1],
        format="rgb48le",
        src_colorspace=matrix_of(frame),
        src_color_range=range_of(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALER,
        threads=1,
    ).to_ndarray()
    return from_rgb(to_709(np.asarray(deep, np.uint16), curve))
