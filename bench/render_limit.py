"""The limit: the same frames, composed beforehand, through nothing but the encoder.

    python bench/render_limit.py FRAMES PLAN THREADS CUTS

A process of its own, as `render_bench.py` starts it: FRAMES as `compose` wrote them, PLAN a
RenderPlan, CUTS a JSON list of frames. Prints wall and CPU seconds and bytes as JSON and writes the
stream beside the frames.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from render_material import FRAME_BYTES, SIZE

from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
from beatstitch_media.image import load_image
from beatstitch_renderer.compositor.compose import pictures
from beatstitch_renderer.compositor.encoder import Encoder
from beatstitch_renderer.compositor.planes import Planes, frame_planes
from beatstitch_renderer.compositor.sources import SourceFile, Sources
from beatstitch_renderer.planning.encoding import piece_encoding
from beatstitch_renderer.planning.frames import cut_frames

if TYPE_CHECKING:
    from collections.abc import Iterable


def compose(plan: RenderPlan, files: dict[str, Path], path: Path) -> list[int]:
    """All finished frames into a file; the frames that are cuts."""
    cuts, start = [], 0
    sources = {
        digest: SourceFile(file, "mov" if file.suffix == ".mp4" else "")
        for digest, file in files.items()
    }
    with path.open("wb") as out:
        for chunk in plan.chunks:
            opened = Sources(
                sources, plan.output, lambda file, least: load_image(file, at_least=least)
            )
            for picture in pictures(chunk.content, opened):
                for plane in picture.all:
                    out.write(np.ascontiguousarray(plane).tobytes())
            opened.close()
            cuts += [start + frame for frame in cut_frames(chunk.content)]
            start += chunk.content.frame_count
    return cuts


def encode_bare(path: Path, plan_file: Path, threads: int, cuts: list[int]) -> None:
    """Inside a process of its own: encodes the composed frames and prints what it took."""
    plan = RenderPlan.FromString(plan_file.read_bytes())
    frames = np.memmap(path, np.uint8, "r").reshape(-1, FRAME_BYTES)
    np.add.reduce(frames[:, ::4096], axis=None)  # reads the file into memory
    encoder = Encoder(plan.output, piece_encoding(plan.profile), threads)
    width, height = SIZE
    luma, chroma = width * height, width * height // 4
    stream: list[bytes] = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    keys = set(cuts)
    for n, row in enumerate(frames):
        planes = Planes(
            row[:luma].reshape(height, width),
            row[luma : luma + chroma].reshape(height // 2, width // 2),
            row[luma + chroma :].reshape(height // 2, width // 2),
        )
        stream += [coded.data for coded in encoder.encode(planes, key=n in keys)]
    stream += [coded.data for coded in encoder.finish()]
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = sum(map(len, stream))
    path.with_suffix(".h264").write_bytes(encoder.headers + b"".join(stream))
    sys.stdout.write(json.dumps({"wall_s": wall, "cpu_s": cpu, "bytes": size}))


def psnr(raw: Path, coded: Iterable[bytes]) -> float:
    """Of luma over all frames, in dB, against the composed frames.

    Raises:
        ValueError: Other frames came out than went in.
    """
    frames = np.memmap(raw, np.uint8, "r").reshape(-1, FRAME_BYTES)
    luma, at, error = SIZE[0] * SIZE[1], 0, 0.0
    for stream in coded:
        with av.open(io.BytesIO(stream), "r", format="h264") as file:
            for frame in file.decode(video=0):
                shown = frame_planes(frame).y
                error += cv2.norm(shown, frames[at, :luma].reshape(shown.shape), cv2.NORM_L2SQR)
                at += 1
    if at != len(frames):
        raise ValueError(f"{at} frames instead of {len(frames)}")
    return float(10 * np.log10(255**2 / (error / luma / at)))


if __name__ == "__main__":
    encode_bare(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
