"""Speed of a clip's ingest, against decoding the same clip and doing nothing with it.

    python bench/ingest_bench.py [--seconds 15] [--rounds 3] [--clip FILE]

The clip, when none is given: 1080p30 at 30 Mbit/s, noisy, with sound, a key frame each two seconds.

ours       what the job does between fetching and storing: probe, look (curves, cuts, thumbnail,
           filmstrip and proxy from one decode; loudness), in sandboxed children.
reference  every frame decoded by libav with as many threads, in this process.

Both are measured in turn, `rounds` times; the medians count. Other load on the machine disturbs
wall time more than CPU time: look at both.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av

from beatstitch.v1 import common_pb2
from beatstitch_analyzer.clips.frames import DECODER_THREADS
from beatstitch_analyzer.clips.look import look
from beatstitch_core.limits import default_limits
from beatstitch_media.binaries import ffmpeg
from beatstitch_media.probe import probe
from beatstitch_media.thumbnail import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 600.0
PARTS = ("probe", "look", "thumbnail")


class Times:
    """Wall and CPU seconds of parts, of all rounds."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Measures the block, children that end in it included."""
        wall, cpu = time.monotonic(), cpu_seconds()
        yield
        self._seconds[name].append((time.monotonic() - wall, cpu_seconds() - cpu))

    def median(self, name: str) -> tuple[float, float]:
        """Wall and CPU seconds."""
        rounds = self._seconds[name] or [(0.0, 0.0)]
        wall, cpu = zip(*rounds, strict=True)
        return statistics.median(wall), statistics.median(cpu)


def cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def make_clip(path: Path, seconds: int) -> Path:
    """Encodes the clip."""
    picture = "testsrc2=s=1920x1080:r=30,noise=alls=24:allf=t"
    options = "-c:v libx264 -preset veryfast -b:v 30M -g 60 -pix_fmt yuv420p -c:a aac"
    command = [ffmpeg(), "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine"]
    subprocess.run([*command, "-t", str(seconds), *options.split(), str(path)], check=True)
    return path


def decode(path: Path) -> None:
    """The reference."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = DECODER_THREADS
        for _ in container.decode(stream):
            pass


async def ingest(path: Path, folder: Path, times: Times) -> float:
    """What the job does; returns the clip's length in seconds."""
    (folder / "look").mkdir(parents=True)
    video, limits = common_pb2.MEDIA_TYPE_VIDEO, default_limits()
    with times.of("probe"):
        found = await probe(path, filename="x", expected=video, limits=limits, work_dir=folder)
    with times.of("look"):
        seen = await look(path, found.info, work_dir=folder / "look", timeout_s=TIMEOUT_S)
    if seen.thumbnail is None:
        with times.of("thumbnail"):
            await thumbnail(path, found.info, folder / "small.jpg", work_dir=folder)
    return found.info.duration_us / 1_000_000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clip", type=Path)
    asked = parser.parse_args()
    times, length = Times(), 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = asked.clip or make_clip(folder / "clip.mp4", asked.seconds)
        for number in range(asked.rounds):
            with times.of("decode"):
                decode(path)
            length = asyncio.run(ingest(path, folder / str(number), times))
    bare_wall, bare_cpu = times.median("decode")
    print(f"{length:.1f} s; bare decode: {bare_wall:.2f} s, CPU {bare_cpu:.2f} s")
    walls, cpus = zip(*(times.median(name) for name in PARTS), strict=True)
    for name, wall, cpu in zip(
        (*PARTS, "ingest"), (*walls, sum(walls)), (*cpus, sum(cpus)), strict=True
    ):
        print(f"{name:10} {wall / bare_wall:5.2f} × wall  {cpu / bare_cpu:5.2f} × CPU")


if __name__ == "__main__":
    main()
