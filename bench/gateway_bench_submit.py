"""From CreateProject's answer to a job in a worker's hands, against bare JetStream."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_bench_room import Alone, alone
from gateway_bench_told import median, quantile, verdict

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_runtime.jobs.topology import JOBS, consumer_name

if TYPE_CHECKING:
    from gateway_bench import Room

JOBS_EACH = 150
LIMIT_MS = 10.0


async def submit(_room: Room) -> dict[str, float]:
    """UploadAsset's job, from the call's begin, less what the call does besides; and bare."""
    with tempfile.TemporaryDirectory() as folder:
        async with alone(Path(folder)) as room:
            return await _measure(room)


async def _measure(room: Alone) -> dict[str, float]:
    js = room.bus.js
    await js.add_stream(name="BARE", subjects=["bare.>"])
    bare_sub = await js.pull_subscribe("bare.job", durable="bare", stream="BARE")
    _, job = await room.song()
    name = consumer_name(job.type, job.lane)
    ours_sub = await js.pull_subscribe_bind(name, stream=JOBS)
    await _take(ours_sub)
    client = room.client
    ended = (await client.CancelJob(job_id=job.id)).job
    payload = b"x" * 400
    bare, ours, calls = [], [], []
    for _ in range(JOBS_EACH):
        begun = time.perf_counter()
        waiting = asyncio.create_task(_take(bare_sub))
        await js.publish("bare.job", payload)
        await waiting
        bare.append((time.perf_counter() - begun) * 1000)
        # RetryJob makes a new job of an ended one's spec: rows, outbox, publication; no bytes.
        waiting = asyncio.create_task(_take(ours_sub))
        await asyncio.sleep(0)
        begun = time.perf_counter()
        made = (await client.RetryJob(job_id=ended.id)).job
        called = time.perf_counter()
        taken = await waiting
        assert JobSpec.FromString(taken.data).job_id == made.id  # noqa: S101
        ours.append((time.perf_counter() - begun) * 1000)
        calls.append((called - begun) * 1000)
        ended = await _cancelled(room, made.id)
    over = median(ours) - median(bare)
    verdict(
        "submit → worker, ms above bare JetStream (p50)",
        over,
        LIMIT_MS,
        most=True,
        more=f"{median(ours):.1f} ms (the call itself {median(calls):.1f}) to "
        f"{median(bare):.1f} ms; p95 {quantile(ours, 0.95):.1f} to {quantile(bare, 0.95):.1f}",
    )
    return {"submit_over_ms": over, "submit_ms": median(ours), "bare_ms": median(bare)}


async def _take(subscription):  # noqa: ANN001, ANN202
    (message,) = await subscription.fetch(1, timeout=5)
    await message.ack_sync()
    return message


async def _cancelled(room: Alone, job_id: str) -> job_pb2.Job:
    return (await room.client.CancelJob(job_id=job_id)).job
