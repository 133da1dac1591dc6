"""Small jobs through one gateway and one worker, against two of each, until the cores are full."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_bench_told import median, verdict
from watched import machine_cpu_s

from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import AsyncClient
from beatstitch_samples import coded_clip, compose
from beatstitch_stack import System

if TYPE_CHECKING:
    from gateway_bench import Room

PROJECTS = 12
JOBS_A_SLICE = 240
ROUNDS = 5
# Of what the cores still had to give: the client that drives it all takes of them too.
SHARE = 0.85
ENV = {"BEATSTITCH_ANALYZER_BACKEND": "librosa", "BEATSTITCH_TIMELINE_SLOTS": "1"}


class House:
    """A system and the projects whose timelines are built again and again."""

    def __init__(self, client: AsyncClient, projects: list[str]) -> None:
        self._client, self._projects = client, projects
        self._seeds = count()
        self.rates: list[float] = []
        self.busy: list[float] = []

    async def slice(self) -> None:
        """So many timelines, one at a time in each project."""
        each = JOBS_A_SLICE // PROJECTS
        begun, used = time.perf_counter(), machine_cpu_s()
        await asyncio.gather(*(self._chain(project, each) for project in self._projects))
        wall = time.perf_counter() - begun
        self.rates.append(each * PROJECTS / wall)
        self.busy.append((machine_cpu_s() - used) / wall / (os.cpu_count() or 1))

    async def _chain(self, project: str, length: int) -> None:
        for _ in range(length):
            settings = TimelineSettings(beats_per_cut=2, seed=next(self._seeds))
            job = await self._client.generate_timeline(project, settings)
            await self._client.wait_job(job.id)


async def scale(_room: Room) -> dict[str, float]:
    """Jobs a second of both, and how busy the cores were."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as block:
            one, two = [await _house(block, Path(folder), replicas) for replicas in (1, 2)]
            for _ in range(ROUNDS):
                await one.slice()
                await two.slice()
    ratio = median(two.rates) / median(one.rates)
    room = min(2.0, 1 / median(one.busy))
    verdict(
        "small jobs, 2 gateways + 2 workers, to 1 + 1",
        ratio,
        round(SHARE * room, 2),
        most=False,
        more=f"{median(two.rates):.0f}/s (cores {median(two.busy):.0%} busy) "
        f"to {median(one.rates):.0f}/s ({median(one.busy):.0%})",
    )
    return {"scale": ratio, "busy_one": median(one.busy), "busy_two": median(two.busy)}


async def _house(block: AsyncExitStack, folder: Path, replicas: int) -> House:
    wanted = {"gateway": replicas, "timeline": replicas}
    system = await block.enter_async_context(
        System.start(folder / str(replicas), durable=True, replicas=wanted, env=ENV)
    )
    song = compose(bars=4).write(folder / f"song{replicas}.wav")
    clip = coded_clip(folder / f"clip{replicas}.mp4", source_id=1, frames=60, size=(64, 36)).path
    client = await block.enter_async_context(AsyncClient(system.gateway_target, system.api_key))
    projects = []
    for _ in range(PROJECTS):
        project = await client.create_project("scale")
        for path in (song, clip):
            upload = await client.upload(project.id, path)
            await client.wait_job(upload.job.id)
        projects.append(project.id)
    house = House(client, projects)
    await house.slice()
    house.rates.clear()
    house.busy.clear()
    return house
