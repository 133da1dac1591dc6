"""How long one frame of a timeline takes, warm, at preview size: random frames, then scrubbing.

    python bench/frame_bench.py

Twenty clips of 720p with a key frame every eight seconds, their proxies of 360 lines with one a
second, and twenty photos of 12 Mpixel that move. Prints median, 95th percentile and worst in
milliseconds, for originals and for proxies, from the child's pipe to the JPEG's bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.limits import CHILD_MEMORY_BYTES
from beatstitch_renderer.frame_room import FrameRoom
from beatstitch_renderer.planning.plan import frame_content
from beatstitch_samples.coded_clips import coded_clip

COUNT, LENGTH = 20, 60


def make(folder: Path, size: tuple[int, int], gop: int) -> tuple[Edl, dict[str, Path]]:
    """An EDL that shows photos and clips in turn, and its files by sha256."""
    edl, files = Edl(), {}
    edl.output.width, edl.output.height, edl.output.frame_rate.num = 1280, 720, 30
    for index in range(2 * COUNT):
        still = index % 2 == 0
        path = folder / f"{index}-{size[1]}.{'jpg' if still else 'mp4'}"
        if still:
            noise = np.random.default_rng(index).integers(0, 255, (30, 40, 3), np.uint8)
            Image.fromarray(noise).resize((4000, 3000)).save(path, quality=90)
        else:
            coded_clip(path, source_id=index, frames=300, size=size, gop=gop, bframes=2)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        files[sha256] = path
        segment = edl.segments.add(
            index=index,
            media_sha256=sha256,
            media_type=common_pb2.MEDIA_TYPE_IMAGE if still else common_pb2.MEDIA_TYPE_VIDEO,
            timeline_in_frame=index * LENGTH,
            timeline_out_frame=(index + 1) * LENGTH,
            source_in_us=0 if still else 3_000_000,
            source_out_us=0 if still else 9_000_000,
            fit=edl_pb2.FIT_COVER,
        )
        if still:
            move = segment.effect.ken_burns
            getattr(move, "from").w = getattr(move, "from").h = 65_536
            move.to.x = move.to.y = 4000
            move.to.w = move.to.h = 57_000
    return edl, files


async def measure(title: str, edl: Edl, files: dict[str, Path]) -> None:
    """Prints how long frames of an EDL take."""
    room = FrameRoom(None, CHILD_MEMORY_BYTES, 60)
    try:
        for sha256, path in files.items():
            shutil.copy(path, room.inputs / sha256)
        begun = time.perf_counter()
        await room.frame(frame_content(edl, 0, 360, {}), "jpeg")
        cold = time.perf_counter() - begun
        rng = random.Random(1)  # noqa: S311
        for kind, numbers in (
            ("anywhere", [rng.randrange(2 * COUNT * LENGTH) for _ in range(100)]),
            ("scrubbing", range(100, 700, 6)),
        ):
            times = []
            for number in numbers:
                begun = time.perf_counter()
                await room.frame(frame_content(edl, number, 360, {}), "jpeg")
                times.append((time.perf_counter() - begun) * 1000)
            times.sort()
            print(
                f"{title:10} {kind:10} cold {cold * 1000:5.0f}  median "
                f"{statistics.median(times):5.0f}  p95 {times[94]:5.0f}  worst {times[-1]:5.0f} ms"
            )
    finally:
        await room.close()


def main() -> None:
    """Makes the sources and measures."""
    with tempfile.TemporaryDirectory() as folder:
        for title, size, gop in (("originals", (1280, 720), 240), ("proxies", (640, 360), 30)):
            edl, files = make(Path(folder), size, gop)
            asyncio.run(measure(title, edl, files))


if __name__ == "__main__":
    main()
