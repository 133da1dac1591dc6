"""Real files with real damage: small media of many kinds, mutated by a seed."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from beatstitch_media import binaries

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOUND = ("-f", "lavfi", "-i", "sine=f=330:d=3:r=44100")
_PICTURE = ("-f", "lavfi", "-i", "testsrc2=d=1.2:s=96x64:r=25")
KINDS: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*_PICTURE, "-c:v", "libx264", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p"),
    "fast.mp4": (*_PICTURE, *_SOUND, "-shortest", "-movflags", "+faststart", "-pix_fmt", "yuv420p"),
    "frag.mp4": (*_PICTURE, "-movflags", "frag_keyframe+empty_moov", "-pix_fmt", "yuv420p"),
    "mjpeg.mov": (*_PICTURE, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "vp9.webm": (*_PICTURE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "h264.mkv": (*_PICTURE, *_SOUND, "-shortest", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
    "mpeg4.avi": (*_PICTURE, "-c:v", "mpeg4"),
    "hevc.mp4": (*_PICTURE, "-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1"),
    "alpha.webm": (*_PICTURE, "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8"),
    "prores.mov": (*_PICTURE, "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
    "h264.ts": (*_PICTURE, *_SOUND, "-shortest", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
    "moving.gif": _PICTURE,
    "song.mp3": (*_SOUND, "-id3v2_version", "3", "-metadata", "title=Song"),
    "song.wav": _SOUND,
    "song.flac": _SOUND,
    "song.m4a": (*_SOUND, "-c:a", "aac"),
    "song.aac": (*_SOUND, "-c:a", "aac"),
    "vorbis.ogg": (*_SOUND, "-ac", "2", "-c:a", "vorbis", "-strict", "-2"),
    "song.ogg": (*_SOUND, "-c:a", "libopus", "-ar", "48000"),
}
STILLS = ("still.jpg", "still.png", "still.webp", "still.bmp", "still.avif")
_EXTREMES = (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1")
_HEADER = 600


def seeds(folder: Path) -> list[Path]:
    """One small, sound file of each kind."""
    made = []
    for name, arguments in KINDS.items():
        path = folder / name
        command = [str(binaries.ffmpeg()), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, timeout=60)
        made.append(path)
    grey = Image.radial_gradient("L").resize((96, 64))
    for name in STILLS:
        made.append(folder / name)
        Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180))).save(made[-1])
    return made


def mutated(
    files: list[Path], number: int, seed: int = 0, baits: Sequence[str] = ()
) -> tuple[str, bytes]:
    """The damaged file of this number: its name tells the kind; always the same bytes.

    Args:
        files: See `seeds`.
        number: Which.
        seed: Another one gives other damage.
        baits: URLs and paths that some of the files then name.
    """
    rng = random.Random(number if seed == 0 else f"{seed} {number}")
    path = files[number % len(files)]
    data = bytearray(path.read_bytes())
    if baits and number % 4 == 3:
        return path.name, baited(rng, path, data, rng.choice(baits))
    for _ in range(rng.choice((1, 1, 2, 5))):
        _damage(rng, data, files)
    return path.name, bytes(data)


def baited(rng: random.Random, path: Path, data: bytearray, bait: str) -> bytes:
    """The file with a name of something else in it, as formats have places for it, or anywhere."""
    name = bait.encode()
    lists = (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + name + b"\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '" + name + b"'\n",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM '" + name + b"'>]><a>&b;</a>",
        b"<smil><body><video src='" + name + b"'/></body></smil>",
    )
    match rng.randrange(5):
        case 0:
            return rng.choice(lists)
        case 1:  # behind the right first bytes
            return bytes(data[: rng.choice((12, 32, 64, 200))]) + rng.choice(lists)
        case 2 if b"url \0\0\0\1" in data:  # QuickTime: the pictures are in another file
            return outside(bytes(data), name)
        case 3:
            at = rng.randrange(len(data))
            data[at : at + len(name) + 1] = name + b"\0"
        case _:
            at = rng.randrange(len(data))
            data[at:at] = rng.choice(lists)
    return bytes(data)


def outside(data: bytes, name: bytes) -> bytes:
    """An MP4 or QuickTime file whose data reference names another file instead of itself."""
    at = data.index(b"url \0\0\0\1")
    text = name + b"\0"
    entry = struct.pack(">I", 12 + len(text)) + b"url \0\0\0\0" + text
    grown = data[: at - 4] + entry + data[at + 8 :]
    # The boxes around it become longer by the name.
    made = bytearray(grown)
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        start = grown.rindex(box, 0, at) - 4
        size = int.from_bytes(grown[start : start + 4], "big") + len(text)
        made[start : start + 4] = struct.pack(">I", size)
    return bytes(made)


def _damage(rng: random.Random, data: bytearray, files: list[Path]) -> None:
    if len(data) < 8:
        return
    # Half of it where headers and indexes are: at the start and at the end.
    reach = min(_HEADER, len(data))
    ends = (range(reach), range(len(data) - reach, len(data)), range(len(data)), range(len(data)))
    at = rng.choice(rng.choice(ends))
    length = rng.choice((1, 4, 16, 200, 2_000))
    match rng.randrange(8):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at : at + 4] = rng.choice(_EXTREMES)
        case 2:
            data[at : at + length] = bytes(len(data[at : at + length]))
        case 3:
            data[at : at + length] = rng.randbytes(len(data[at : at + length]))
        case 4:
            del data[at : at + length]
        case 5:
            data[at:at] = data[at : at + length]
        case 6:
            del data[at:]
        case _:
            other = rng.choice(files).read_bytes()
            start = rng.randrange(len(other))
            data[at : at + length] = other[start : start + length]
