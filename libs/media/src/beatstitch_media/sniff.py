"""What a file is by its first bytes, never by its name.

The answer fixes the demuxer that may open the file, so that a playlist called song.mp3 is never read
as a playlist.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.common_pb2 import MediaType
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.sniff_audio import audio_frames

IMAGE, VIDEO, AUDIO = (
    common_pb2.MEDIA_TYPE_IMAGE,
    common_pb2.MEDIA_TYPE_VIDEO,
    common_pb2.MEDIA_TYPE_AUDIO,
)
_HEAD_BYTES = 4096
_TS_PACKET = 188


@dataclass(frozen=True)
class Sniffed:
    """What the first bytes say.

    Attributes:
        media_type: What such a file usually is; a container may hold less, a GIF may move.
        demuxer: FFmpeg's demuxer that has to be forced; "" for pictures, which Pillow reads.
        extension: Usual file extension, without dot.
        name: The format's name for people.
    """

    media_type: MediaType.ValueType
    demuxer: str
    extension: str
    name: str


_JPEG = Sniffed(IMAGE, "", "jpg", "JPEG")
_PNG = Sniffed(IMAGE, "", "png", "PNG")
_WEBP = Sniffed(IMAGE, "", "webp", "WebP")
_BMP = Sniffed(IMAGE, "", "bmp", "BMP")
_HEIC = Sniffed(IMAGE, "", "heic", "HEIC")
_AVIF = Sniffed(IMAGE, "", "avif", "AVIF")
_GIF = Sniffed(IMAGE, "gif", "gif", "GIF")
_MP4 = Sniffed(VIDEO, "mov", "mp4", "MP4")
_MOV = Sniffed(VIDEO, "mov", "mov", "QuickTime")
_M4A = Sniffed(AUDIO, "mov", "m4a", "M4A")
_WEBM = Sniffed(VIDEO, "matroska", "webm", "WebM")
_MKV = Sniffed(VIDEO, "matroska", "mkv", "Matroska")
_AVI = Sniffed(VIDEO, "avi", "avi", "AVI")
_TS = Sniffed(VIDEO, "mpegts", "ts", "MPEG-TS")
_WAV = Sniffed(AUDIO, "wav", "wav", "WAV")
_FLAC = Sniffed(AUDIO, "flac", "flac", "FLAC")
_OGG = Sniffed(AUDIO, "ogg", "ogg", "Ogg")
_OPUS = Sniffed(AUDIO, "ogg", "opus", "Ogg Opus")
_AUDIO_FRAMES = {
    "mp3": Sniffed(AUDIO, "mp3", "mp3", "MP3"),
    "aac": Sniffed(AUDIO, "aac", "aac", "AAC"),
    "flac": _FLAC,
}

_MAGIC: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"fLaC", _FLAC),
)
_RIFF = {b"WEBP": _WEBP, b"AVI ": _AVI, b"WAVE": _WAV}
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")

# Named so that the answer helps; none of them is read.
_KNOWN_BUT_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    (b"FLV\x01", "Flash video"),
    (b"\x00\x00\x01\xba", "MPEG program stream"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"FORM", "AIFF"),
    (b"8BPS", "Photoshop"),
    (b"MThd", "MIDI"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
)


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
            found = _AUDIO_FRAMES.get(kind)
    if found is None:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED,
            f"{name} is {_describe(head)}; {SUPPORTED}",
        )
    return found


SUPPORTED = (
    "supported are JPEG, PNG, WebP, GIF, BMP and AVIF pictures, MP4, MOV, WebM, MKV, AVI and MPEG-TS "
    "clips, and MP3, WAV, FLAC, Ogg, Opus, AAC and M4A songs"
)


def sniff_bytes(head: bytes) -> Sniffed | None:
    """What the first bytes are, for everything that has a magic number; pure."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _MKV if b"matroska" in head[:128] else _WEBM if b"webm" in head[:128] else None
    if head[:4] == b"OggS":
        return _OPUS if b"OpusHead" in head[:128] else _OGG
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return _BMP
    if head[4:8] in _QUICKTIME_ATOMS:
        return _MOV
    return _TS if _is_transport_stream(head) else None


def _by_brand(head: bytes) -> Sniffed:
    major = head[8:12]
    size = min(int.from_bytes(head[:4], "big"), 256)
    compatible = [head[at : at + 4] for at in range(16, size, 4)]
    if major in _AVIF_BRANDS or (major in (b"mif1", b"msf1") and b"avif" in compatible):
        return _AVIF
    if major in _HEIC_BRANDS:
        return _HEIC
    if major in _AUDIO_BRANDS:
        return _M4A
    return _MOV if major == b"qt  " else _MP4


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes every 188 bytes; with a time stamp of 4 bytes before each in Blu-ray's variety."""
    for first, step in ((0, _TS_PACKET), (4, _TS_PACKET + 4)):
        marks = head[first : first + 5 * step : step]
        if len(marks) >= 2 and set(marks) == {0x47}:
            return True
    return False


def _describe(head: bytes) -> str:
    for magic, name in _KNOWN_BUT_REFUSED:
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
