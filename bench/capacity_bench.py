"""What songs, clips, photos, timelines and renders cost the whole system, by process.

    python bench/capacity_bench.py [--seconds 60] [--renders 3] [--json FILE]

A whole system of one replica each makes videos of real material; each process's CPU seconds are
read before and after, those of children and of the servers included. docs/capacity.json is its
output on the machine that docs/capacity.md names; `make docs` writes the table from it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from render_material import make_sources
from watched import tree_cpu_s

from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import AsyncClient
from beatstitch_samples import compose
from beatstitch_stack import System

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.asset_pb2 import Asset

TIMELINES = 40
SIZES = {"1080p": (1920, 1080), "720p": (1280, 720)}


class Meter:
    """CPU seconds of each part of a running system."""

    def __init__(self, system: System) -> None:
        self._roots = {name.rpartition("-")[0]: one.pid for name, one in system.services.items()}
        self._roots |= {server.name: server.pid for server in system.stack.servers}
        self._before = self._read()

    def lap(self) -> dict[str, float]:
        """Since the last lap."""
        now, before = self._read(), self._before
        self._before = now
        return {name: round(now[name] - before[name], 2) for name in now}

    def _read(self) -> dict[str, float]:
        return {name: tree_cpu_s(pid) for name, pid in self._roots.items()}


async def measured(system: System, client: AsyncClient, args: argparse.Namespace) -> dict[str, Any]:
    """The laps, each with how much work it was."""
    stills, moving = make_sources(args.out.absolute() / "render-sources", 250)
    song = compose(bars=args.seconds // 2, bpm=120.0).write(args.out / "capacity-song.wav")
    project = (await client.create_project("capacity")).id
    meter, found = Meter(system), {}

    async def bring(paths: Sequence[Path]) -> list[Asset]:
        uploads = [await client.upload(project, path) for path in paths]
        for upload in uploads:
            await client.wait_job(upload.job.id)
        return [await client.get_asset(upload.asset.id) for upload in uploads]

    for name, paths in {"song": [song], "clips": moving, "photos": stills}.items():
        assets = await bring(paths)
        seconds = sum(asset.info.duration_us for asset in assets) / 1e6
        found[name] = {"count": len(paths), "seconds": round(seconds, 1), "cpu_s": meter.lap()}
    for seed in range(TIMELINES):
        settings = TimelineSettings(beats_per_cut=2, seed=seed)
        await client.wait_job((await client.generate_timeline(project, settings)).id)
    found["timelines"] = {"count": TIMELINES, "cpu_s": meter.lap()}
    for name, (width, height) in SIZES.items():
        frames = size = 0
        for n in range(args.renders):
            settings = TimelineSettings(
                beats_per_cut=1 + n, output=OutputFormat(width=width, height=height)
            )
            job = await client.wait_job((await client.generate_timeline(project, settings)).id)
            made, _ = await client.create_render(project, job.timeline_build.edl_hash)
            done = (await client.wait_job(made.id)).render
            assert not done.chunks_cached, done  # noqa: S101
            frames, size = frames + done.frame_count, size + done.size_bytes
        found[f"renders {name}"] = {
            "count": args.renders,
            "frames": frames,
            "output_bytes": size,
            "cpu_s": meter.lap(),
        }
    return found


async def bench(args: argparse.Namespace) -> None:
    """Runs it and tells."""
    args.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.absolute()) as folder:
        async with (
            System.start(Path(folder), durable=True) as system,
            AsyncClient(system.gateway_target, system.api_key) as client,
        ):
            found = await measured(system, client, args)
    text = json.dumps(found, indent=1)
    print(text)
    if args.json is not None:
        args.json.write_text(text + "\n", "utf-8")


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--renders", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--json", type=Path)
    asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    main()
