"""What ffprobe says about a file, as plain facts. The forced demuxer and protocol are set here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from beatstitch_media import binaries, sandbox

MEMORY_BYTES = 1024**3
_MAX_ALLOC = 512 * 1024**2
_DEEP = re.compile(r"(?:p[0-4]?|gray|rgba?|bgra?|ya|x2rgb)(9|10|12|14|16|48|64)(?:le|be)?$")
_BITS = {"48": 16, "64": 16, "9": 10, "14": 16}
_ALPHA = re.compile(r"^(?:yuva|rgba|bgra|argb|abgr|gbrap|ya\d)")


@dataclass(frozen=True)
class Stream:
    """One stream of a file.

    Attributes:
        index: Its number in the file.
        codec: FFmpeg's name of the codec.
        width: Coded width in pixels, 0 for sound.
        height: Coded height in pixels, 0 for sound.
        aspect: Width of a pixel over its height.
        rotation: Clockwise turn in degrees that shows it upright.
        bit_depth: Bits per channel.
        has_alpha: Whether its pixels can be transparent.
        sample_rate: In Hz, 0 for pictures.
        channels: 0 for pictures.
        duration: By the file's own word, in seconds; 0 where it doesn't say.
    """

    index: int
    codec: str
    width: int = 0
    height: int = 0
    aspect: Fraction = Fraction(1)
    rotation: int = 0
    bit_depth: int = 8
    has_alpha: bool = False
    sample_rate: int = 0
    channels: int = 0
    duration: float = 0.0


@dataclass(frozen=True)
class Facts:
    """A file as ffprobe sees it.

    Attributes:
        format: FFmpeg's name of the container.
        duration: By the file's own word, in seconds; 0 where it doesn't say.
        video: The first moving picture, cover art left aside.
        audio: The first sound.
    """

    format: str
    duration: float
    video: Stream | None
    audio: Stream | None


def input_options(demuxer: str) -> dict[str, str]:
    """Options before an input that keep ffmpeg to one demuxer and to files."""
    return {"f": demuxer, "protocol_whitelist": "file", "format_whitelist": demuxer}


def file_url(path: Path) -> str:
    """The path as ffmpeg takes it without reading a protocol or an option into it."""
    return f"file:{path.absolute()}"


async def look(path: Path, demuxer: str, *, what: str, work_dir: Path, timeout_s: float) -> Facts:
    """Asks ffprobe.

    Raises:
        BeatStitchError: As `sandbox.run`; FFMPEG_FAILED where ffprobe can't read the file.
    """
    options = [part for key, value in input_options(demuxer).items() for part in (f"-{key}", value)]
    done = await sandbox.run(
        [
            binaries.ffprobe(),
            *("-v", "error", "-hide_banner", "-max_alloc", str(_MAX_ALLOC), "-threads", "1"),
            *("-show_format", "-show_streams", "-of", "json"),
            *options,
            *("-i", file_url(path)),
        ],
        inputs=[path],
        work_dir=work_dir,
        what=what,
        timeout_s=timeout_s,
        memory_bytes=MEMORY_BYTES,
        threads=1,
    )
    return facts_of(json.loads(done.stdout))


def facts_of(shown: dict[str, Any]) -> Facts:
    """The facts in ffprobe's JSON; pure."""
    streams = shown.get("streams", [])
    container = shown.get("format", {})
    videos = [
        stream
        for stream in streams
        if stream.get("codec_type") == "video"
        and not stream.get("disposition", {}).get("attached_pic")
    ]
    audios = [stream for stream in streams if stream.get("codec_type") == "audio"]
    return Facts(
        format=container.get("format_name", ""),
        duration=_number(container.get("duration")),
        video=_video(videos[0]) if videos else None,
        audio=_audio(audios[0]) if audios else None,
    )


def _number(text: Any) -> float:  # noqa: ANN401 - JSON from a tool
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0


def _ratio(text: str | None) -> Fraction:
    """A pixel aspect "4:3"; 1 for unknown ("0:1") and for absurd ones."""
    try:
        above, below = (int(part) for part in (text or "1:1").split(":"))
        ratio = Fraction(above, below)
    except (ValueError, ZeroDivisionError):
        return Fraction(1)
    return ratio if Fraction(1, 8) <= ratio <= 8 else Fraction(1)


def _rotation(stream: dict[str, Any]) -> int:
    """Clockwise turn, to the nearest quarter; ffprobe counts the other way round."""
    for side in stream.get("side_data_list", []):
        if "rotation" in side:
            return -90 * round(_number(side["rotation"]) / 90) % 360
    return 0


def _depth(stream: dict[str, Any]) -> int:
    found = _DEEP.search(stream.get("pix_fmt", ""))
    return int(_BITS.get(found[1], found[1])) if found else 8


def _video(stream: dict[str, Any]) -> Stream:
    return Stream(
        index=stream["index"],
        codec=stream.get("codec_name", ""),
        width=int(stream.get("width", 0)),
        height=int(stream.get("height", 0)),
        aspect=_ratio(stream.get("sample_aspect_ratio")),
        rotation=_rotation(stream),
        bit_depth=_depth(stream),
        has_alpha=bool(_ALPHA.match(stream.get("pix_fmt", "")))
        or {key.lower(): value for key, value in stream.get("tags", {}).items()}.get("alpha_mode")
        == "1",
        duration=_number(stream.get("duration")),
    )


def _audio(stream: dict[str, Any]) -> Stream:
    return Stream(
        index=stream["index"],
        codec=stream.get("codec_name", ""),
        sample_rate=int(_number(stream.get("sample_rate"))),
        channels=int(stream.get("channels", 0)),
        duration=_number(stream.get("duration")),
    )
