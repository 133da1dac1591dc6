"""What the numbers in a decoded frame mean: matrix and range, also where the file doesn't say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av.video.reformatter import ColorRange, Colorspace

if TYPE_CHECKING:
    import av

# AVColorSpace to libswscale's matrices (ITU-T H.273, table 4).
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# Untagged video of at least this many lines is BT.709, below it is BT.601, as players have it.
_HD_LINES = 720


def matrix_of(frame: av.VideoFrame) -> Colorspace:
    """The matrix between the frame's YUV and RGB."""
    known = _MATRICES.get(int(frame.colorspace))
    if known is not None:
        return known
    return Colorspace.ITU709 if min(frame.width, frame.height) >= _HD_LINES else Colorspace.ITU601


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
