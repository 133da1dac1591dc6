"""Songs without a magic number: MPEG audio and AAC frames, behind tags or padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

_SCAN_BYTES = 64 * 1024
_BIT_RATES = {  # kbit/s by (MPEG-1?, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44_100, 48_000, 32_000)


def audio_frames(file: BinaryIO, head: bytes) -> str:
    """Says "mp3", "aac" or "flac" where the file starts with such frames, else "".

    An ID3v2 tag (which may hold megabytes of cover art) and zero bytes before the first frame are
    skipped. Two frames in a row are asked for, as two bytes of sync alone are found anywhere.
    """
    start = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        start = 10 + size + (10 if head[5] & 0x10 else 0)
    file.seek(start)
    data = file.read(_SCAN_BYTES)
    stripped = data.lstrip(b"\0")
    if stripped.startswith(b"fLaC"):
        return "flac"
    for kind, length in (("aac", adts_length), ("mp3", mpeg_length)):
        if _two_frames(stripped, length):
            return kind
    return "mp3" if start and not stripped else ""


def _two_frames(data: bytes, length_of: Callable[[bytes], int]) -> bool:
    length = length_of(data[:8])
    if not length:
        return False
    after = data[length : length + 8]
    return not after or bool(length_of(after)) or after.startswith(b"TAG")


def adts_length(header: bytes) -> int:
    """Length in bytes of an ADTS frame, 0 if it is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 0xF > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


def mpeg_length(header: bytes) -> int:
    """Length in bytes of a frame of MPEG-1, 2 or 2.5 audio (ISO 11172-3), 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, sample_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or sample_index == 3 or rate_index in (0, 15):
        return 0
    mpeg1 = version == 3
    bit_rate = _BIT_RATES[mpeg1, layer][rate_index - 1] * 1000
    sample_rate = _SAMPLE_RATES[sample_index] >> (0 if mpeg1 else 1 if version == 2 else 2)
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bit_rate // sample_rate + padding) * 4
    samples = 72 if layer == 3 and not mpeg1 else 144
    return samples * bit_rate // sample_rate + padding
