"""The formats that are read, and those that are only named when they are refused."""

from __future__ import annotations

from dataclasses import dataclass

from beatstitch.v1 import common_pb2
from beatstitch.v1.common_pb2 import MediaType

IMAGE, VIDEO, AUDIO = (
    common_pb2.MEDIA_TYPE_IMAGE,
    common_pb2.MEDIA_TYPE_VIDEO,
    common_pb2.MEDIA_TYPE_AUDIO,
)


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


JPEG = Sniffed(IMAGE, "", "jpg", "JPEG")
PNG = Sniffed(IMAGE, "", "png", "PNG")
WEBP = Sniffed(IMAGE, "", "webp", "WebP")
BMP = Sniffed(IMAGE, "", "bmp", "BMP")
HEIC = Sniffed(IMAGE, "", "heic", "HEIC")
AVIF = Sniffed(IMAGE, "", "avif", "AVIF")
GIF = Sniffed(IMAGE, "gif", "gif", "GIF")
MP4 = Sniffed(VIDEO, "mov", "mp4", "MP4")
MOV = Sniffed(VIDEO, "mov", "mov", "QuickTime")
M4A = Sniffed(AUDIO, "mov", "m4a", "M4A")
WEBM = Sniffed(VIDEO, "matroska", "webm", "WebM")
MKV = Sniffed(VIDEO, "matroska", "mkv", "Matroska")
AVI = Sniffed(VIDEO, "avi", "avi", "AVI")
TS = Sniffed(VIDEO, "mpegts", "ts", "MPEG-TS")
WAV = Sniffed(AUDIO, "wav", "wav", "WAV")
FLAC = Sniffed(AUDIO, "flac", "flac", "FLAC")
OGG = Sniffed(AUDIO, "ogg", "ogg", "Ogg")
OPUS = Sniffed(AUDIO, "ogg", "opus", "Ogg Opus")
AUDIO_FRAMES = {
    "mp3": Sniffed(AUDIO, "mp3", "mp3", "MP3"),
    "aac": Sniffed(AUDIO, "aac", "aac", "AAC"),
    "flac": FLAC,
}

MAGIC: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"fLaC", FLAC),
)
RIFF = {b"WEBP": WEBP, b"AVI ": AVI, b"WAVE": WAV}
QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")

# Named so that the answer helps; none of them is read.
KNOWN_BUT_REFUSED: tuple[tuple[bytes, str], ...] = (
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

SUPPORTED = (
    "supported are JPEG, PNG, WebP, GIF, BMP and AVIF pictures, MP4, MOV, WebM, MKV, AVI and "
    "MPEG-TS clips, and MP3, WAV, FLAC, Ogg, Opus, AAC and M4A songs"
)
