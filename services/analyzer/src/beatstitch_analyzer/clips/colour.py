"""What a clip's numbers mean, so that a proxy of it means the same: matrix and range, kept."""

from __future__ import annotations

from typing import Any

from av.video.reformatter import ColorRange

from beatstitch_media.colour import BT709, yuv_matrix


def matrix_tag(frame: Any) -> int:  # noqa: ANN401 - PyAV's types depend on the stream
    """The AVColorSpace by which a frame's YUV is to be read; that of RGB once it is YUV."""
    if frame.format.is_rgb or frame.format.has_palette:
        return BT709
    return yuv_matrix(int(frame.colorspace), frame.width, frame.height)


def is_full_range(frame: Any) -> bool:  # noqa: ANN401
    """Whether a YUV frame goes from 0 to 255 rather than from 16 to 235."""
    if frame.format.is_rgb or frame.format.has_palette:
        return False
    return frame.format.name.startswith("yuvj") or int(frame.color_range) == ColorRange.JPEG
