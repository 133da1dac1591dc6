"""Renders one piece: a serialised ChunkContent on stdin, the sources in the work folder.

Sources are named by their sha256. Prints "frames N" from time to time; writes the piece to `PIECE`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.child import main
from beatstitch_media.image import load_image
from beatstitch_media.sniff import sniff
from beatstitch_renderer.compositor.sources import SourceError, SourceFile
from beatstitch_renderer.planning.overlays import marks_of
from beatstitch_renderer.rendering import render_piece

if TYPE_CHECKING:
    import numpy as np

PIECE = "piece"
PROGRESS_MARK = "frames "
_PAUSE_S = 0.5


def source_files(content: ChunkContent, folder: Path) -> dict[str, SourceFile]:
    """The piece's sources in a folder, each with the demuxer that its first bytes ask for."""
    files = {}
    for segment in content.segments:
        if segment.media_sha256 in files:
            continue
        path = folder / segment.media_sha256
        moves = segment.media_type == common_pb2.MEDIA_TYPE_VIDEO
        demuxer = sniff(path).demuxer if moves else ""
        if moves and not demuxer:
            raise unusable(segment.media_sha256, "is not a clip that can be decoded")
        files[segment.media_sha256] = SourceFile(path, demuxer)
    for sha256 in marks_of(content.overlays):
        files.setdefault(sha256, SourceFile(folder / sha256, ""))
    return files


def unusable(sha256: str, problem: str) -> BeatStitchError:
    """INPUT_CORRUPT; the worker knows which asset it is."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT,
        f"a picture or clip {problem}",
        metadata={"media_sha256": sha256},
    )


def still_pixels(path: Path, at_least: tuple[int, int]) -> np.ndarray:
    """A still picture, upright; its name is its sha256."""
    try:
        return load_image(path, at_least=at_least)
    except BeatStitchError as error:
        error.metadata["media_sha256"] = path.name
        raise


class _Progress:
    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, frames: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE_S
            sys.stdout.write(f"{PROGRESS_MARK}{frames}\n")
            sys.stdout.flush()


def work(job: bytes) -> bytes:
    """Renders; the result is the file."""
    cv2.setNumThreads(1)
    content = ChunkContent.FromString(job)
    folder = Path.cwd()
    try:
        render_piece(
            content,
            source_files(content, folder),
            still_pixels,
            folder / PIECE,
            _Progress(),
            clock=time.monotonic,
        )
    except SourceError as error:
        raise unusable(error.sha256, error.problem) from error
    return b""


if __name__ == "__main__":
    main(work)
