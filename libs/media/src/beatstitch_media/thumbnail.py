"""A small JPEG that stands for a picture or a clip."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import ffmpeg

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import PROBE_TIMEOUT_S
from beatstitch_media import binaries, ffprobe, sandbox
from beatstitch_media.formats import AUDIO, IMAGE
from beatstitch_media.image import MAX_PIXELS
from beatstitch_media.sniff import sniff

MAX_SIDE = 480
_MEMORY_BYTES = 3 * 1024**3
_LATEST_US = 1_000_000
_NOT_IN_FFMPEG = ("av1",)  # the static build has no software decoder, PyAV has dav1d


async def thumbnail(
    path: Path,
    info: MediaInfo,
    out: Path,
    *,
    work_dir: Path,
    max_side: int = MAX_SIDE,
    timeout_s: float = PROBE_TIMEOUT_S,
) -> None:
    """Writes a JPEG, upright, at most `max_side` pixels a side.

    Of a clip the frame at a tenth of its length is taken, at one second at the latest; transparent
    parts of a picture are put on dark grey.

    Args:
        path: The file.
        info: What `probe` said about it.
        out: The file to write.
        work_dir: Where a folder for the child may be made.
        max_side: Longer side in pixels at most.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: INPUT_UNSUPPORTED for sound; else as `sandbox.run`.
    """
    if info.media_type == AUDIO:
        raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "sound has no thumbnail")
    at_us = min(info.duration_us // 10, _LATEST_US)
    with tempfile.TemporaryDirectory(dir=work_dir, prefix="thumbnail-") as folder:
        made = Path(folder) / "thumbnail.jpg"
        if not await _make(path, info, made, max_side=max_side, at_us=at_us, timeout_s=timeout_s):
            # No frame starts after that time: one that is shown for most of the clip does before.
            await _make(path, info, made, max_side=max_side, at_us=0, timeout_s=timeout_s)
        made.replace(out)


async def _make(
    path: Path, info: MediaInfo, out: Path, *, max_side: int, at_us: int, timeout_s: float
) -> bool:
    """Runs the child in the folder of `out`; says whether there is a picture."""
    command, order = _command(path, info, out, max_side, at_us)
    await sandbox.run(
        command,
        inputs=[path],
        work_dir=out.parent,
        what=f"making the thumbnail of {path.name}",
        timeout_s=timeout_s,
        memory_bytes=_MEMORY_BYTES,
        stdin=json.dumps(order).encode() if order else None,
    )
    return _has_bytes(out)


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _command(
    path: Path, info: MediaInfo, out: Path, max_side: int, at_us: int
) -> tuple[list[str], dict[str, Any] | None]:
    """The child and the job on its stdin."""
    order: dict[str, Any] = {
        "path": str(path.absolute()),
        "out": str(out.absolute()),
        "max_side": max_side,
    }
    if info.media_type == IMAGE:
        order |= {"do": "shrink", "max_pixels": MAX_PIXELS}
        return sandbox.python_command("beatstitch_media.image_child"), order
    if info.video_codec not in _NOT_IN_FFMPEG:
        return _frame_command(path, out, max_side, at_us), None
    order |= {
        "demuxer": sniff(path).demuxer,
        "at_us": at_us,
        "rotation_degrees": info.rotation_degrees,
        "width": info.width,
        "height": info.height,
    }
    return sandbox.python_command("beatstitch_media.frame_child"), order


def _frame_command(path: Path, out: Path, max_side: int, at_us: int) -> list[str]:
    picture = ffmpeg.input(
        ffprobe.file_url(path),
        threads=2,
        **ffprobe.input_options(sniff(path).demuxer),
    ).video
    # Pixels are made square first, then the picture is fitted into a square; never enlarged.
    small = picture.filter("scale", "trunc(iw*sar/2)*2", "ih").filter(
        "scale",
        f"min({max_side},iw)",
        f"min({max_side},ih)",
        force_original_aspect_ratio="decrease",
        out_range="pc",
    )
    graph = ffmpeg.output(
        small.filter("format", "yuvj420p"),
        ffprobe.file_url(out),
        ss=f"{at_us / 1_000_000:.6f}",  # after decoding: seeking an MPEG-TS finds a later frame
        vframes=1,
        format="mjpeg",
        vcodec="mjpeg",
        **{"q:v": 3},
    )
    arguments = graph.global_args("-nostdin", "-v", "error", "-y").get_args()
    return [str(binaries.ffmpeg()), *arguments]
