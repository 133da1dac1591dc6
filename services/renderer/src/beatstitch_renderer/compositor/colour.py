"""What the numbers in a decoded frame mean: matrix and range, also where the file doesn't say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av.video.reformatter import ColorRange, Colorspace

from beatstitch_media import colour

if TYPE_CHECKING:
    import av

# As libswscale has them.
_MATRICES = {
    colour.BT709: Colorspace.ITU709,
    colour.FCC: Colorspace.FCC,
    colour.BT470BG: Colorspace.ITU601,
    colour.SMPTE170M: Colorspace.ITU601,
    colour.SMPTE240M: Colorspace.SMPTE240M,
    colour.BT2020_NCL: Colorspace.BT2020,
    colour.BT2020_CL: Colorspace.BT2020,
}


def matrix_of(frame: av.VideoFrame) -> Colorspace:
    """The matrix between the frame's YUV and RGB."""
    return _MATRICES[colour.yuv_matrix(int(frame.colorspace), frame.width, frame.height)]


def range_of(frame: av.VideoFrame) -> ColorRange:
    """Studio or full range."""
    if frame.format.is_rgb or frame.format.name.startswith("yuvj"):
        return ColorRange.JPEG
    known = ColorRange(int(frame.color_range))
    return ColorRange.MPEG if known == ColorRange.UNSPECIFIED else known


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether the frame can be transparent."""
    layout = frame.format
    return layout.has_palette or any(part.is_alpha for part in layout.components)
