"""Many queued jobs, many watchers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_bench_room import Alone, alone
from gateway_bench_told import in_turns, median, verdict

from beatstitch.v1 import job_pb2

if TYPE_CHECKING:
    from gateway_bench import Room

QUEUED = 10_000
WATCHERS = 1_000
TERMINAL = {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED}


async def queue(_room: Room) -> dict[str, float]:
    """List, watch and submit with 10,000 queued jobs, against the same with ten.

    Two gateways on servers of their own, asked in turns: in one the queue is long.
    """
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        async with alone(Path(one)) as few, alone(Path(other)) as many:
            await _fill(few, 10)
            await _fill(many, QUEUED)
            figures = {}
            for name, make in (("list", _list), ("watch", _watch_one), ("submit", _submit)):
                long, short = await in_turns(
                    [await make(many), await make(few)], rounds=10, each=20
                )
                ratio = median(long) / median(short)
                figures[f"queue_{name}"] = ratio
                verdict(
                    f"{name} with {QUEUED} queued, to with 10",
                    ratio,
                    1.2,
                    most=True,
                    more=f"{median(long):.1f} ms to {median(short):.1f} ms",
                )
            return figures


async def _fill(room: Alone, count: int) -> None:
    """So many jobs that wait: real ones, retried from one that was cancelled."""
    _, job = await room.song()
    await room.client.CancelJob(job_id=job.id)
    left = count

    async def more() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await room.client.RetryJob(job_id=job.id)

    await asyncio.gather(*(more() for _ in range(32)))


async def _list(room: Alone):  # noqa: ANN202
    async def once() -> None:
        await room.client.ListJobs(page_size=10)

    return once


async def _submit(room: Alone):  # noqa: ANN202
    _, job = await room.song()
    await room.client.CancelJob(job_id=job.id)

    async def once() -> None:
        await room.client.RetryJob(job_id=job.id)

    return once


async def _watch_one(room: Alone):  # noqa: ANN202
    _, job = await room.song()

    async def once() -> None:
        call = room.client.WatchJob(job_id=job.id)
        async for _ in call:
            break
        call.cancel()

    return once


async def watch(_room: Room) -> dict[str, float]:
    """A thousand watchers of a thousand jobs on one gateway: memory, and all see the end."""
    with tempfile.TemporaryDirectory() as folder:
        async with alone(Path(folder)) as room:
            _, job = await room.song()
            await room.client.CancelJob(job_id=job.id)
            ids = [(await room.client.RetryJob(job_id=job.id)).job.id for _ in range(WATCHERS)]
            before = room.rss_mb
            seen = asyncio.Semaphore(0)
            begun = time.perf_counter()
            # gRPC allows a hundred streams a connection by default elsewhere; here ten are used.
            tasks = [asyncio.create_task(_follow(room, i, seen)) for i in ids]
            for _ in ids:
                await seen.acquire()
            opened_s = time.perf_counter() - begun
            open_mb = room.rss_mb
            begun = time.perf_counter()
            for start in range(0, WATCHERS, 32):
                await asyncio.gather(
                    *(room.client.CancelJob(job_id=i) for i in ids[start : start + 32])
                )
            ends = await asyncio.wait_for(asyncio.gather(*tasks), 300)
            took_s = time.perf_counter() - begun
            right = sum(state in TERMINAL for state in ends)
            verdict(
                f"{WATCHERS} WatchJob: share that got the end",
                right / WATCHERS,
                1.0,
                most=False,
                more=f"{(open_mb - before) * 1000 / WATCHERS:.0f} KB each "
                f"({before:.0f} → {open_mb:.0f} MB), opened in {opened_s:.1f} s, "
                f"ended in {took_s:.1f} s",
            )
            return {"watchers_right": right, "watch_kb": (open_mb - before) * 1000 / WATCHERS}


async def _follow(room: Alone, job_id: str, seen: asyncio.Semaphore) -> int:
    state = job_pb2.JOB_STATE_UNSPECIFIED
    first = True
    method, request_type = room.client.methods["WatchJob"]
    async for told in method(
        request_type(job_id=job_id), metadata=room.client.metadata, timeout=600
    ):
        state = told.job.state
        if first:
            first = False
            seen.release()
    return state
