"""How long an edit of a timeline of a thousand segments takes, through the gateway.

Starts a whole system, makes such a timeline and edits it again and again, as a client sees it: gRPC
there and back, the timeline service's judgement, the database's commit, the EDL in the bucket.

    python bench/edit_latency_bench.py [--edits 100] [--pictures 40]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, ScaleTempo
from beatstitch.v1.edl_pb2 import FIT_CONTAIN, FIT_COVER
from beatstitch.v1.timeline_edit_pb2 import OverrideSegment, RollCut, SwapSegments, TimelineEdit
from beatstitch.v1.timeline_pb2 import Timeline, TimelineSettings
from beatstitch_client import AsyncClient
from beatstitch_samples import compose, write_photo
from beatstitch_stack import System

DOUBLE = BeatGridEdit(scale_tempo=ScaleTempo(num=2, den=1))
LIMIT_MS = 50


async def thousand(client: AsyncClient, folder: Path, pictures: int) -> Timeline:
    """A timeline of about a thousand segments: a cut on each of four times the heard beats."""
    project = await client.create_project("bench")
    song = folder / "song.flac"
    compose(bpm=160, bars=64).write(song)
    upload = await client.upload(project.id, song)
    await client.wait_job(upload.job.id)
    await client.edit_beat_grid(upload.asset.id, [DOUBLE, DOUBLE])
    for index in range(pictures):
        photo = write_photo(folder / f"{index}.jpg", "aurora", seed=index, size=(320, 180))
        done = await client.upload(project.id, photo)
        await client.wait_job(done.job.id)
    job = await client.generate_timeline(project.id, TimelineSettings(beats_per_cut=1))
    await client.wait_job(job.id)
    return await client.get_timeline(project.id)


def edit(number: int, timeline: Timeline) -> TimelineEdit:
    """An edit of one of three kinds, never twice the same."""
    count = len(timeline.edl.segments)
    at = 1 + number * 37 % (count - 3)
    if number % 3 == 0:
        return TimelineEdit(swap=SwapSegments(segment_index=at, other_index=at + 1))
    if number % 3 == 1:
        fit = FIT_CONTAIN if number % 2 else FIT_COVER
        return TimelineEdit(override=OverrideSegment(segment_index=at, fit=fit, speed_permille=0))
    roll = RollCut(segment_index=at)
    roll.to.beat_index = timeline.edl.segments[at].cut.beat_index
    return TimelineEdit(roll=roll)


async def measure(
    client: AsyncClient, timeline: Timeline, edits: int, *, omit_edl: bool
) -> list[float]:
    """Milliseconds of each edit."""
    taken, edl_hash = [], (await client.get_timeline(timeline.project_id)).edl_hash
    for number in range(edits):
        begun = time.perf_counter()
        made = await client.apply_edits(
            timeline.project_id, edl_hash, [edit(number, timeline)], omit_edl=omit_edl
        )
        taken.append((time.perf_counter() - begun) * 1000)
        edl_hash = made.edl_hash
    return taken


def told(name: str, taken: list[float]) -> str:
    """Median, 95th percentile and extremes."""
    ordered = sorted(taken)
    p95 = ordered[int(len(ordered) * 0.95)]
    return (
        f"{name:<22} median {statistics.median(ordered):6.1f} ms   p95 {p95:6.1f} ms   "
        f"least {ordered[0]:6.1f} ms   most {ordered[-1]:6.1f} ms"
    )


async def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            System.start(Path(folder) / "system", durable=True) as system,
            AsyncClient(system.gateway_address, system.api_key) as client,
        ):
            timeline = await thousand(client, Path(folder), options.pictures)
            print(f"{len(timeline.edl.segments)} segments, load {os.getloadavg()[0]:.1f}")
            await measure(client, timeline, 5, omit_edl=True)
            for omit in (True, False):
                taken = await measure(client, timeline, options.edits, omit_edl=omit)
                print(told("without the EDL back" if omit else "with the EDL back", taken))
            print(f"load {os.getloadavg()[0]:.1f}, limit {LIMIT_MS} ms")


if __name__ == "__main__":
    asyncio.run(main())
