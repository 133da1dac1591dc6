"""What the chassis survives: NATS killed, NATS' data lost, workers lost, leases lost."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.jobs.lease import Lease
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.puller import Pulled, Puller
from beatstitch_runtime.jobs.topology import EVENTS, JOBS, consumer_name, ensure_topology

DONE = JobSucceeded()


class Gate:
    """A handler that waits until the test lets it go on."""

    def __init__(self):
        self.begun = asyncio.Queue()
        self.go = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, context):
        await self.begun.put(context.delivery)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return DONE

    async def wait_begun(self):
        return await asyncio.wait_for(self.begun.get(), 15)


async def test_nats_killed_in_the_middle_of_a_job(house):
    """The handler keeps running, the events come when NATS is back, and the worker goes on."""
    gate = Gate()
    await house.worker(gate)
    spec, after = house.spec(), house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    assert await gate.wait_begun() == 1
    await asyncio.to_thread(house.server.kill)
    await asyncio.sleep(0.3)
    gate.go.set()  # done while NATS is away: the event has to wait
    await asyncio.sleep(0.3)
    assert gate.cancelled == 0
    await asyncio.to_thread(house.server.start)
    await house.ended(spec.job_id, ["started", "succeeded"])
    await publish_job(house.bus, after, after.job_id)
    await house.ended(after.job_id, ["started", "succeeded"])


async def test_heartbeats_resume_after_a_restart_of_nats(house):
    gate = Gate()
    await house.worker(gate)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.to_thread(house.server.kill)
    await asyncio.to_thread(house.server.start)
    assert await house.bus.wait_connected(5)
    await asyncio.sleep(2.5)  # longer than the lease
    gate.go.set()
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert [event.delivery for event in await house.events(spec.job_id)] == [1, 1]


async def test_an_idle_worker_takes_jobs_at_once_after_a_restart_of_nats(house):
    async def handler(_context):
        return DONE

    await house.worker(handler)
    await asyncio.sleep(0.1)
    await asyncio.to_thread(house.server.kill)
    await asyncio.to_thread(house.server.start)
    assert await house.bus.wait_connected(5)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"], timeout_s=3)  # fetch_s is 5


async def test_a_lease_lost_while_nats_was_away_comes_back_to_the_same_run(house):
    """One place is free, so the message comes again to the worker that still works on it."""
    gate = Gate()
    await house.worker(gate, concurrency=2)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.to_thread(house.server.kill)
    await asyncio.sleep(2.2)  # the lease is over
    await asyncio.to_thread(house.server.start)

    async def again():
        info = await house.bus.js.consumer_info(JOBS, consumer_name(spec.type, spec.lane))
        return info.num_redelivered == 1

    assert await house.bus.wait_connected(5)
    await house.until(again)
    await asyncio.sleep(0.2)
    gate.go.set()
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert gate.begun.empty()  # not begun twice
    assert (await house.events(spec.job_id))[-1].delivery == 2


async def test_all_data_of_nats_lost(house):
    """The streams are made again, and the running job's end is told."""
    gate = Gate()
    await house.worker(gate)
    spec, after = house.spec(), house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.to_thread(house.server.kill)
    await asyncio.to_thread(shutil.rmtree, house.server.state_dir / "js")
    await asyncio.to_thread(house.server.start)
    gate.go.set()
    await house.until(lambda: _succeeded(house, spec.job_id))
    await publish_job(house.bus, after, after.job_id)
    await house.ended(after.job_id, ["started", "succeeded"])


async def _succeeded(house, job_id):
    return "succeeded" in await house.kinds(job_id)


async def test_streams_deleted_under_idle_workers(house):
    async def handler(_context):
        return DONE

    await house.worker(handler)
    for stream in (JOBS, EVENTS):
        await house.bus.js.delete_stream(stream)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"])


async def test_a_consumer_deleted_under_idle_workers(house):
    async def handler(_context):
        return DONE

    await house.worker(handler)
    spec = house.spec()
    await house.bus.js.delete_consumer(JOBS, consumer_name(spec.type, spec.lane))
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"])


async def test_an_old_ack_does_not_hit_another_job_in_a_new_stream(house):
    """Sequences begin again; an ack names only the sequence."""
    gate = Gate()
    await house.worker(gate)
    spec, other = house.spec(), house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.sleep(1.2)  # over the slack for clocks
    await house.bus.js.delete_stream(JOBS)
    await ensure_topology(house.bus.js, house.settings)
    assert await publish_job(house.bus, other, other.job_id) == 1  # the same sequence
    gate.go.set()
    await house.until(lambda: _succeeded(house, spec.job_id))
    await house.ended(other.job_id, ["started", "succeeded"])


async def test_a_lost_worker(house):
    """Its job starts elsewhere when the lease is over."""
    lost, gate = Gate(), Gate()
    gate.go.set()
    await house.worker(lost)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await lost.wait_begun()
    await house.buses[0].nc.close()  # as a power cut would: nothing is said
    await house.worker(gate)
    assert await gate.wait_begun() == 2
    await house.ended(spec.job_id, ["started", "started", "succeeded"])
    assert [event.worker for event in await house.events(spec.job_id)] == ["w0", "w1", "w1"]


async def test_heartbeats_keep_a_long_job(house):
    gate = Gate()
    await house.worker(gate, concurrency=2)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.sleep(2.6)  # longer than the lease
    gate.go.set()
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert gate.begun.empty()


async def test_a_drained_worker_hands_its_job_back_at_once(open_house):
    async with open_house(ack_wait_s=300.0) as house:
        await drained_in_the_middle(house)


async def drained_in_the_middle(house):
    first, second = Gate(), Gate()
    second.go.set()
    worker = await house.worker(first)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await first.wait_begun()
    await house.worker(second)
    async with asyncio.timeout(60):  # not the lease
        await worker.drain(0.1)
        assert await second.wait_begun() == 2
    assert first.cancelled == 1

    async def told() -> bool:  # the next one may begin before the first has said so
        kinds = await house.kinds(spec.job_id)
        return sorted(kinds) == ["handed_back", "started", "started", "succeeded"]

    await house.until(told)
    assert await house.queued() == 0


async def test_a_draining_worker_lets_running_jobs_end_and_takes_no_more(house):
    gate = Gate()
    worker = await house.worker(gate, concurrency=2)
    spec, other = house.spec(), house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    draining = asyncio.create_task(worker.drain(10))
    await asyncio.sleep(0.1)
    await publish_job(house.bus, other, other.job_id)
    await asyncio.sleep(0.1)
    gate.go.set()
    await asyncio.wait_for(draining, 5)
    assert gate.cancelled == 0
    assert await house.kinds(spec.job_id) == ["started", "succeeded"]
    assert await house.kinds(other.job_id) == []
    assert await house.queued() == 1
    assert await house.pending_acks() == 0


async def test_a_job_drained_on_its_last_delivery_is_reported_lost(open_house):
    """Where the stream has no room for a fresh message and no delivery is left."""
    async with open_house(max_deliver=1, jobs_max_messages=1) as house:
        gate = Gate()
        worker = await house.worker(gate)
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        await gate.wait_begun()
        await worker.drain(0)
        await house.ended(spec.job_id, ["started", "failed"])
        failure = (await house.events(spec.job_id))[-1].failed.failure
        assert failure.reason == failure_pb2.ERROR_REASON_WORKER_LOST


async def test_draining_while_nats_is_away_ends(house):
    gate = Gate()
    worker = await house.worker(gate)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await asyncio.to_thread(house.server.kill)
    await asyncio.wait_for(worker.drain(0), 12)
    assert worker.running == 0


@pytest.fixture
async def pulled_twice(house):
    """A message whose lease has run out, and the delivery to its next holder."""
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    puller = Puller(house.bus, JOBS, consumer_name(spec.type, spec.lane), 5.0)
    await puller.start()
    first = await puller.next()
    second = await puller.next()
    yield first, second
    await puller.close()


async def test_a_nak_is_not_sent_after_the_lease_is_lost(house, pulled_twice):
    first, second = pulled_twice
    late = Lease(house.bus, first, house.settings.ack_wait_s)
    assert not late.held
    assert await late.nak(0, 1.0) is False
    assert await late.heartbeat()  # does no harm, but doesn't bring the lease back
    assert not late.held
    assert await house.pending_acks() == 1
    holder = Lease(house.bus, second, house.settings.ack_wait_s)
    assert (holder.delivery, holder.held) == (2, True)
    assert await holder.nak(0, 1.0) is True


async def test_a_late_ack_takes_the_message_from_its_new_holder(house, pulled_twice):
    """Harmless, since the terminal event is stored before; here to notice if it ever changes."""
    first, _ = pulled_twice
    assert await Lease(house.bus, first, house.settings.ack_wait_s).ack(1.0) is True
    assert await house.queued() == 0


async def test_a_lease_that_cannot_be_settled_gives_up(house):
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    puller = Puller(house.bus, JOBS, consumer_name(spec.type, spec.lane), 5.0)
    await puller.start()
    pulled = await puller.next()
    assert isinstance(pulled, Pulled)
    lease = Lease(house.bus, pulled, 60.0)
    await puller.close()
    await asyncio.to_thread(house.server.kill)
    await asyncio.sleep(0.1)
    assert await lease.heartbeat(0.2) is False
    assert await lease.ack(0.5) is False


async def test_duplicate_execution_is_harmless(house):
    """The first worker is only cut off; it ends its work, but can tell nobody."""
    gate, second = Gate(), Gate()
    second.go.set()
    await house.worker(gate)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await gate.wait_begun()
    await house.buses[0].nc.close()
    await house.worker(second)
    await second.wait_begun()
    gate.go.set()
    await house.ended(spec.job_id, ["started", "started", "succeeded"])


async def test_a_failure_that_is_not_retryable_after_the_connection_was_lost(house):
    async def handler(_context):
        await asyncio.to_thread(house.server.kill)
        await asyncio.to_thread(house.server.start)
        raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "damaged")

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "failed"])
