"""Frames of a video as they are composed, before any encoder has touched them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch_media.image import load_image
from beatstitch_media.sniff import sniff
from beatstitch_renderer.compositor.compose import pictures
from beatstitch_renderer.compositor.sources import SourceFile, Sources
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.plan import plan_render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch_renderer.compositor.planes import Planes

ONE_PIECE = PieceSizes(10**6, 10**7, 10**8)
PROFILE = RenderProfile(name="final", preset="ultrafast", crf=20, audio_bit_rate=128_000)


def source_files(shots: Iterable) -> dict[str, SourceFile]:
    """The shots' files by checksum."""
    return {
        shot.sha256: SourceFile(shot.path, "" if shot.is_still else sniff(shot.path).demuxer)
        for shot in shots
    }


def composed(shots: Sequence, edl: Edl, sizes: PieceSizes = ONE_PIECE) -> list[Planes]:
    """Every frame of an EDL of these shots, piece by piece."""
    files = source_files(shots)
    plan = plan_render(edl, PROFILE, "test", sizes)
    return [picture for chunk in plan.chunks for picture in composed_piece(chunk.content, files)]


def composed_piece(content: ChunkContent, files: dict[str, SourceFile]) -> list[Planes]:
    sources = Sources(files, content.output, still_pixels)
    try:
        return list(pictures(content, sources))
    finally:
        sources.close()


def still_pixels(path: Path, at_least: tuple[int, int]) -> np.ndarray:
    return load_image(path, at_least=at_least)


def rgb_of(planes: Planes) -> np.ndarray:
    """Packed RGB, for people and for `decode_frame_code`."""
    flat = np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in planes.all])
    stacked = flat.reshape(planes.size[1] * 3 // 2, planes.size[0])
    return cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420)


def equal(one: Planes, other: Planes) -> bool:
    """Whether two pictures are the same in every value."""
    return all(np.array_equal(a, b) for a, b in zip(one.all, other.all, strict=True))
