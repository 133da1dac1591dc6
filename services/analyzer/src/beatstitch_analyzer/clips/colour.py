"""What a clip's numbers mean, so that a proxy of it means the same: matrix and range, kept."""

from __future__ import annotations

from typing import Any

from av.video.reformatter import ColorRange

# AVColorSpace (ITU-T H.273, table 4).
_BT709 = 1
_BT601 = 5
_COMMON = frozenset({1, 4, 5, 6, 7, 9, 10})
# Untagged video of at least this many lines is BT.709, below it is BT.601, as players have it: a
# proxy has fewer lines than its clip, so it says outright what would be guessed of the clip.
_HD_LINES = 720


def matrix_tag(frame: Any) -> int:  # noqa: ANN401 - PyAV's types depend on the stream
    """The AVColorSpace by which a frame's YUV is to be read; that of RGB once it is YUV."""
    if frame.format.is_rgb or frame.format.has_palette:
        return _BT709
    known = int(frame.colorspace)
    if known in _COMMON:
        return known
    return _BT709 if min(frame.width, frame.height) >= _HD_LINES else _BT601


def is_full_range(frame: Any) -> bool:  # noqa: ANN401
    """Whether a YUV frame goes from 0 to 255 rather than from 16 to 235."""
    if frame.format.is_rgb or frame.format.has_palette:
        return False
    return frame.format.name.startswith("yuvj") or int(frame.color_range) == ColorRange.JPEG
