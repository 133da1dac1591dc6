"""Takes a file that a client sent: says what it is, or why it can't be used.

What comes first is cheapest: size, first bytes, header, then a decode. Nothing is decoded before
its size in pixels and seconds is known to be allowed.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch.v1.common_pb2 import MediaType, Rational
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import CHILD_MEMORY_BYTES, MIN_AUDIO_US, PROBE_TIMEOUT_S
from beatstitch_media import ffprobe, sandbox
from beatstitch_media.formats import AUDIO, IMAGE, VIDEO, Sniffed
from beatstitch_media.refusal import Judge
from beatstitch_media.sniff import sniff

US = 1_000_000
_MAX_SOURCE_FPS = 1000
_IMAGE_MEMORY_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class Probed:
    """A file that can be used.

    Attributes:
        info: What it is.
        demuxer: The demuxer to force when it is opened; "" for a still picture.
        extension: Usual extension of such a file, without dot.
        stream_index: Which stream of the file is meant; 0 for a still picture.
        start_us: Presentation time of a clip's first frame on the file's clock, in microseconds;
            time 0 of the clip.
        frames: How many frames a clip has, samples a song has at its own rate; 1 for a picture.
    """

    info: MediaInfo
    demuxer: str
    extension: str
    stream_index: int
    start_us: int
    frames: int


async def probe(
    path: Path,
    *,
    filename: str,
    asset_id: str = "",
    expected: MediaType.ValueType | None = None,
    limits: Limits,
    work_dir: Path,
    timeout_s: float = PROBE_TIMEOUT_S,
) -> Probed:
    """Looks at a file and proves that it decodes.

    Args:
        path: The file.
        filename: The client's name of it, for messages.
        asset_id: Goes into the error's metadata.
        expected: What it was declared as: AUDIO asks for sound, VIDEO and IMAGE stand for each
            other, None or UNSPECIFIED takes anything.
        limits: Sizes that are allowed.
        work_dir: Where a folder for children may be made.
        timeout_s: For each of at most two looks at the file.

    Raises:
        BeatStitchError: INPUT_CORRUPT, INPUT_UNSUPPORTED, INPUT_TOO_LARGE, AUDIO_TOO_SHORT,
            MEDIA_TIMEOUT; each names the file.
    """
    look = _Look(path, filename or path.name, limits, timeout_s)
    try:
        with tempfile.TemporaryDirectory(dir=work_dir, prefix="probe-") as folder:
            return await look.at(expected or common_pb2.MEDIA_TYPE_UNSPECIFIED, Path(folder))
    except BeatStitchError as error:
        if asset_id:
            error.metadata.setdefault("asset_id", asset_id)
        raise


class _Look:
    """One look at one file."""

    def __init__(self, path: Path, name: str, limits: Limits, timeout_s: float) -> None:
        self._path = path.absolute()
        self._name = name
        self._limits = limits
        self._timeout_s = timeout_s
        self._judge = Judge(name, limits)

    async def at(self, expected: MediaType.ValueType, work_dir: Path) -> Probed:
        found = sniff(self._path, filename=self._name)
        wanted = expected if expected == AUDIO else found.media_type
        self._judge.check_size(self._path.stat().st_size, wanted)
        if expected == AUDIO and found.media_type == IMAGE:
            raise self._judge.unsupported(f"is a {found.name} picture, not a song")
        if found.media_type == IMAGE:
            still = await self._picture(found, work_dir)
            if still is not None:
                return still
        facts = await self._ask_ffprobe(found, work_dir)
        if expected == AUDIO or (facts.video is None and expected not in (VIDEO, IMAGE)):
            return await self._song(found, facts, work_dir)
        if facts.video is None:
            rest = "sound only" if facts.audio else "neither frames nor sound"
            raise self._judge.unsupported(f"is {found.name} with {rest}, not a clip or a picture")
        return await self._clip(found, facts, facts.video, work_dir)

    async def _picture(self, found: Sniffed, work_dir: Path) -> Probed | None:
        """A still picture; None for a moving GIF."""
        order = {
            "do": "describe",
            "path": str(self._path),
            "max_pixels": self._limits.max_image_pixels,
        }
        facts = await self._child("image_child", order, work_dir, _IMAGE_MEMORY_BYTES)
        if facts["animated"] and found.name == "GIF":
            return None
        if facts["animated"] and found.name != "PNG":
            raise self._judge.unsupported(
                f"is an animated {found.name}, which can't be rendered; send it as MP4, WebM or GIF"
            )
        info = MediaInfo(
            media_type=IMAGE,
            format=facts["format"],
            video_codec=facts["format"],
            width=facts["width"],
            height=facts["height"],
            rotation_degrees=facts["rotation_degrees"],
            has_alpha=facts["has_alpha"],
            bit_depth=facts["bit_depth"],
        )
        return Probed(info, "", found.extension, 0, 0, 1)

    async def _ask_ffprobe(self, found: Sniffed, work_dir: Path) -> ffprobe.Facts:
        try:
            return await ffprobe.look(
                self._path,
                found.demuxer,
                what=f"reading {self._name}",
                work_dir=work_dir,
                timeout_s=self._timeout_s,
            )
        except BeatStitchError as error:
            raise self._judge.blamed(error, f"is a damaged {found.name} file") from None

    async def _clip(
        self, found: Sniffed, facts: ffprobe.Facts, video: ffprobe.Stream, work_dir: Path
    ) -> Probed:
        self._judge.check_size(self._path.stat().st_size, VIDEO)
        side = self._limits.max_side_pixels
        if max(video.width, video.height) > side:
            raise self._judge.too_large(
                f"is {video.width} × {video.height} pixels; at most {side} a side are allowed"
            )
        if video.width < 1 or video.height < 1:
            raise self._judge.corrupt("has no picture size")
        self._judge.check_seconds(facts.duration)
        order = {
            "do": "clip",
            "path": str(self._path),
            "demuxer": found.demuxer,
            "index": video.index,
            "max_pixels": side * side,
        }
        seen = await self._child("stream_child", order, work_dir)
        self._judge.check_seconds(seen["duration_us"] / US)
        self._judge.check_whole(seen["duration_us"] / US, video.duration or facts.duration)
        num, den = seen["rate"]
        if num > _MAX_SOURCE_FPS * den:
            raise self._judge.too_large(f"has more than {_MAX_SOURCE_FPS} frames per second")
        wide = max(1, round(video.width * video.aspect))
        turned = video.rotation in (90, 270)
        audio = facts.audio
        info = MediaInfo(
            media_type=VIDEO,
            format=facts.format,
            video_codec=video.codec,
            audio_codec=audio.codec if audio else "",
            width=video.height if turned else wide,
            height=wide if turned else video.height,
            rotation_degrees=video.rotation,
            frame_rate=Rational(num=num, den=den),
            duration_us=seen["duration_us"],
            has_audio=audio is not None,
            has_alpha=seen["transparent"] if video.codec == "gif" else video.has_alpha,
            bit_depth=video.bit_depth,
            variable_frame_rate=seen["variable"],
            sample_rate=audio.sample_rate if audio else 0,
            channels=audio.channels if audio else 0,
        )
        start_us = round(seen["start"] * US)
        return Probed(info, found.demuxer, found.extension, video.index, start_us, seen["frames"])

    async def _song(self, found: Sniffed, facts: ffprobe.Facts, work_dir: Path) -> Probed:
        self._judge.check_size(self._path.stat().st_size, AUDIO)
        audio = facts.audio
        if audio is None:
            raise self._judge.unsupported(f"is {found.name} without sound")
        self._judge.check_seconds(facts.duration)
        order = {
            "do": "song",
            "path": str(self._path),
            "demuxer": found.demuxer,
            "index": audio.index,
            "max_seconds": self._limits.max_video_seconds,
        }
        seen = await self._child("stream_child", order, work_dir)
        seconds = seen["samples"] / seen["sample_rate"]
        self._judge.check_whole(seconds, audio.duration or facts.duration)
        duration_us = round(seconds * US)
        if duration_us < MIN_AUDIO_US:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_AUDIO_TOO_SHORT,
                f"{self._name} is {seconds:.2f} s long; {MIN_AUDIO_US / US:g} s is the least",
                metadata={"duration_us": str(duration_us), "minimum_us": str(MIN_AUDIO_US)},
            )
        info = MediaInfo(
            media_type=AUDIO,
            format=facts.format,
            audio_codec=audio.codec,
            duration_us=duration_us,
            has_audio=True,
            sample_rate=seen["sample_rate"],
            channels=seen["channels"],
        )
        return Probed(info, found.demuxer, found.extension, audio.index, 0, seen["samples"])

    async def _child(
        self,
        module: str,
        order: dict[str, Any],
        work_dir: Path,
        memory_bytes: int = CHILD_MEMORY_BYTES,
    ) -> dict[str, Any]:
        try:
            done = await sandbox.run(
                sandbox.python_command(f"beatstitch_media.{module}"),
                inputs=[self._path],
                work_dir=work_dir,
                what=f"reading {self._name}",
                timeout_s=self._timeout_s,
                memory_bytes=memory_bytes,
                stdin=json.dumps(order).encode(),
            )
        except BeatStitchError as error:
            raise self._judge.blamed(error, "is damaged: it can't be decoded") from None
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts
