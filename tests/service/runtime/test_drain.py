"""A worker that is told to end: it finishes what it has, or gives it back without loss."""

from __future__ import annotations

import asyncio

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.topology import JOBS

CHUNK = job_pb2.JOB_TYPE_RENDER_CHUNK


class Work:
    """A job that lasts until it is let go; notes which hand-out it was."""

    def __init__(self) -> None:
        self.deliveries: list[int] = []
        self.stopped = 0
        self.let_go = asyncio.Event()

    async def __call__(self, context) -> JobSucceeded:
        self.deliveries.append(context.delivery)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return JobSucceeded()


async def last_message(house) -> JobSpec:
    found = await house.bus.js.get_msg(JOBS, (await house.bus.js.stream_info(JOBS)).state.last_seq)
    return JobSpec.FromString(found.data)


async def test_what_ends_within_the_grace_is_finished(house):
    work = Work()
    worker = await house.worker(work)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.until(lambda: bool(work.deliveries))
    asyncio.get_running_loop().call_later(0.3, work.let_go.set)
    await worker.drain(10)
    assert work.stopped == 0
    await house.ended(spec.job_id, ["started", "succeeded"])


async def test_a_long_job_outlives_more_drains_than_it_may_be_handed_out(open_house):
    """A rolling restart of many pods must not fail a render that lasts for hours."""
    async with open_house(max_deliver=2) as house:
        work = Work()
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        for drained in range(4):
            worker = await house.worker(work)
            await house.until(lambda n=drained: len(work.deliveries) == n + 1)
            await worker.drain(0)
            assert work.stopped == drained + 1
            assert await house.queued() == 1
        # Each hand-out has a number of its own, so that no event is taken for an older one.
        assert work.deliveries == [1, 2, 3, 4]
        again = await last_message(house)
        assert (again.earlier_deliveries, again.hand_backs) == (4, 4)
        work.let_go.set()
        await house.worker(work)
        await house.ended(
            spec.job_id, [*(["started", "handed_back"] * 4), "started", "succeeded"], 15
        )
        moved = [e.handed_back.sequence for e in await house.events(spec.job_id)]
        assert [sequence for sequence in moved if sequence] == [2, 3, 4, 5]


async def test_hand_outs_that_nobody_finished_count_across_drains(open_house):
    """A job that takes its workers along must not live for ever by being drained in between."""
    async with open_house(max_deliver=3, retry_base_s=0.01) as house:
        calls = 0

        async def handler(_context):
            nonlocal calls
            calls += 1
            if calls == 2:
                await asyncio.Event().wait()
            raise MemoryError

        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        worker = await house.worker(handler)
        await house.until(lambda: calls == 2)
        await worker.drain(0)
        await house.worker(handler)
        kinds = ["started", "started", "handed_back", "started", "started", "failed"]
        await house.ended(spec.job_id, kinds)
        assert calls == 4  # three of them count
        assert [e.delivery for e in await house.events(spec.job_id)] == [1, 2, 2, 3, 4, 4]


async def test_a_piece_tells_where_it_lies_now(house):
    work = Work()
    worker = await house.worker(work, type=CHUNK)
    spec = house.spec(CHUNK)
    spec.render_chunk.chunk.chunk_hash = "c0ffee"
    await publish_job(house.bus, spec, spec.job_id)
    await house.until(lambda: bool(work.deliveries))
    await worker.drain(0)
    (event,) = await house.events(spec.job_id)
    assert (event.handed_back.chunk_hash, event.handed_back.sequence) == ("c0ffee", 2)
    assert (await last_message(house)).render_chunk.chunk.chunk_hash == "c0ffee"


async def test_where_the_stream_is_full_the_old_message_is_given_back(open_house):
    async with open_house(jobs_max_messages=1) as house:
        work = Work()
        worker = await house.worker(work)
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        await house.until(lambda: bool(work.deliveries))
        await worker.drain(0)
        assert await house.queued() == 1
        work.let_go.set()
        await house.worker(work)
        await house.ended(spec.job_id, ["started", "started", "succeeded"])
        assert work.deliveries == [1, 2]
