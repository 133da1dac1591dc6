"""Looks at a picture or a clip in sandboxed children: traits, filmstrip, proxy."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beatstitch.v1.asset_pb2 import MediaInfo, MediaTraits
from beatstitch_analyzer.clips import filmstrip
from beatstitch_analyzer.clips.budget import is_dense
from beatstitch_analyzer.clips.frames import DECODER_THREADS
from beatstitch_analyzer.clips.look_child import FILMSTRIP, PROXY, THUMBNAIL
from beatstitch_analyzer.clips.loudness import loudness_lufs
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import sandbox
from beatstitch_media.sniff import sniff

log = logging.getLogger(__name__)

_MEMORY_BYTES = 4 * 1024**3
_THREADS = DECODER_THREADS
# Of the time that a look may take; the rest is for the start, the filmstrip and the sound.
_CHILD_SHARE = 0.9


@dataclass(frozen=True)
class Look:
    """What came of a look.

    Attributes:
        traits: What it is like.
        filmstrip: A JPEG; None for a picture.
        filmstrip_frames: How many frames it has.
        proxy: An MP4; None where none is needed.
        thumbnail: A JPEG; None for a picture, and where a clip was not looked at closely.
    """

    traits: MediaTraits
    filmstrip: Path | None = None
    filmstrip_frames: int = 0
    proxy: Path | None = None
    thumbnail: Path | None = None


async def look_at_still(thumbnail: Path, *, work_dir: Path, timeout_s: float) -> Look:
    """Looks at a picture by its thumbnail; the rest as `look`."""
    return Look(await _child(_picture_order(thumbnail), thumbnail, work_dir, timeout_s))


async def look(path: Path, info: MediaInfo, *, work_dir: Path, timeout_s: float) -> Look:
    """Looks at a clip.

    Args:
        path: The file.
        info: What `probe` said about it.
        work_dir: A folder for the children, apart from the file; what is made stays in it.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: As `sandbox.run`.
    """
    order = _clip_order(path, info, work_dir, timeout_s * _CHILD_SHARE)
    traits = await _child(order, path, work_dir, timeout_s)
    if info.has_audio:
        try:
            traits.loudness_lufs = await loudness_lufs(
                path, work_dir=work_dir, timeout_s=timeout_s / 2
            )
        except BeatStitchError as error:  # a clip is of use without it
            log.warning("no loudness: %s", error.message)
    return Look(
        traits,
        work_dir / FILMSTRIP,
        order["strip_frames"],
        _made(work_dir / PROXY),
        # What is transparent in it has to be seen as such, which takes the other way.
        None if info.has_alpha else _made(work_dir / THUMBNAIL),
    )


def _picture_order(thumbnail: Path) -> dict[str, Any]:
    return {"do": "picture", "path": str(thumbnail.absolute())}


def _clip_order(path: Path, info: MediaInfo, work_dir: Path, limit_s: float) -> dict[str, Any]:
    rate = info.frame_rate.num / max(info.frame_rate.den, 1)
    dense = is_dense(info)
    return {
        "do": "clip",
        "path": str(path.absolute()),
        "demuxer": sniff(path).demuxer,
        "width": info.width,
        "height": info.height,
        "duration_us": max(info.duration_us, 1),
        "strip_frames": filmstrip.frame_count(round(rate * info.duration_us / 1_000_000)),
        "dense": dense,
        # A proxy can't be transparent; a GIF of which the first frames aren't may be so later.
        "proxy_allowed": dense and not info.has_alpha and info.video_codec != "gif",
        "limit_s": limit_s,
        "out": str(work_dir.absolute()),
    }


def _made(path: Path) -> Path | None:
    return path if path.is_file() else None


async def _child(
    order: dict[str, Any], source: Path, work_dir: Path, timeout_s: float
) -> MediaTraits:
    done = await sandbox.run(
        sandbox.python_command("beatstitch_analyzer.clips.look_child"),
        inputs=[source],
        work_dir=work_dir,
        what=f"looking at {source.name}",
        timeout_s=timeout_s,
        memory_bytes=_MEMORY_BYTES,
        threads=_THREADS,
        stdin=json.dumps(order).encode(),
    )
    return MediaTraits.FromString(done.stdout)
