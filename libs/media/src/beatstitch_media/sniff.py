"""What a file is by its first bytes, never by its name.

The answer fixes the demuxer that may open the file, so that a playlist called song.mp3 is never
read as a playlist.
"""

from __future__ import annotations

from pathlib import Path

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import (
    AUDIO_BRANDS,
    AUDIO_FRAMES,
    AVIF,
    AVIF_BRANDS,
    BMP,
    HEIC,
    HEIC_BRANDS,
    KNOWN_BUT_REFUSED,
    M4A,
    MAGIC,
    MKV,
    MOV,
    MP4,
    OGG,
    OPUS,
    QUICKTIME_ATOMS,
    RIFF,
    SUPPORTED,
    TS,
    WEBM,
    Sniffed,
)
from beatstitch_media.sniff_audio import audio_frames

_HEAD_BYTES = 4096
_TS_PACKET = 188


def sniff(path: Path, *, filename: str = "") -> Sniffed:
    """What the file is.

    Args:
        path: The file.
        filename: The client's name of it, for messages.

    Raises:
        BeatStitchError: INPUT_CORRUPT for an empty file, INPUT_UNSUPPORTED for anything unknown.
    """
    name = filename or path.name
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head:
            raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"{name} is empty")
        found = sniff_bytes(head)
        if found is None:
            kind = audio_frames(file, head)
            found = AUDIO_FRAMES.get(kind)
    if found is None:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED,
            f"{name} is {_describe(head)}; {SUPPORTED}",
        )
    return found


def sniff_bytes(head: bytes) -> Sniffed | None:
    """What the first bytes are, for everything that has a magic number; pure."""
    for magic, found in MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] == b"OggS":
        return OPUS if b"OpusHead" in head[:128] else OGG
    return _by_structure(head)


def _by_structure(head: bytes) -> Sniffed | None:
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return MKV if b"matroska" in head[:128] else WEBM if b"webm" in head[:128] else None
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return BMP
    if head[4:8] in QUICKTIME_ATOMS:
        return MOV
    return TS if _is_transport_stream(head) else None


def _by_brand(head: bytes) -> Sniffed:
    major = head[8:12]
    size = min(int.from_bytes(head[:4], "big"), 256)
    compatible = [head[at : at + 4] for at in range(16, size, 4)]
    if major in AVIF_BRANDS or (major in (b"mif1", b"msf1") and b"avif" in compatible):
        return AVIF
    if major in HEIC_BRANDS:
        return HEIC
    if major in AUDIO_BRANDS:
        return M4A
    return MOV if major == b"qt  " else MP4


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes every 188 bytes; with a time stamp of 4 bytes before each in Blu-ray's variety."""
    for first, step in ((0, _TS_PACKET), (4, _TS_PACKET + 4)):
        marks = head[first : first + 5 * step : step]
        if len(marks) >= 2 and set(marks) == {0x47}:
            return True
    return False


def _describe(head: bytes) -> str:
    for magic, name in KNOWN_BUT_REFUSED:
        if head.startswith(magic):
            return f"{name}, which is not supported"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"#EXTM3U", b"ffconcat", b"[playlist]")):
        return "a playlist, not media"
    if b"<svg" in head:
        return "an SVG drawing, which is not supported"
    try:
        head[:-3].decode()
    except UnicodeDecodeError:
        return "of an unknown type"
    return "of an unknown type" if b"\0" in head else "text, not media"
