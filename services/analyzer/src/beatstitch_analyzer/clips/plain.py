"""Whether a small 8-bit copy of a clip can mean the same as the clip.

HDR and wide colour, combed fields, a mirror in the display matrix and WebM's second, transparent
stream would be lost in it; such clips are shown by themselves, in previews too.
"""

from __future__ import annotations

import struct
from pathlib import Path

from beatstitch_analyzer.clips.frames import reading
from beatstitch_media.display_matrix import display_matrix

# Transfer characteristics and primaries of ITU-T H.273: PQ, HLG; BT.2020.
_HDR = frozenset({16, 18})
_WIDE = 9
_MATRIX_BYTES = 36


def is_plain(path: Path, demuxer: str) -> bool:
    """Whether a clip, by its first frame, has nothing that a proxy can't keep."""
    with reading(path, demuxer) as reader:
        told = {key.lower(): value for key, value in reader.stream.metadata.items()}
        if told.get("alpha_mode") == "1":
            return False
        for _, frame in reader.frames():
            return not (
                int(frame.color_trc) in _HDR
                or int(frame.color_primaries) == _WIDE
                or frame.interlaced_frame
                or is_mirrored(display_matrix(frame))
            )
    return True


def is_mirrored(data: bytes) -> bool:
    """Whether a display matrix changes left and right."""
    if len(data) < _MATRIX_BYTES:
        return False
    a, b, _, c, d, *_ = struct.unpack("<9i", data[:_MATRIX_BYTES])
    return bool(a * d - b * c < 0)
