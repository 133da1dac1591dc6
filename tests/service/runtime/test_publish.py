"""Publishing: once, or a clear error."""

from __future__ import annotations

import asyncio
import time

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobStarted
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import (
    delete_job_message,
    publish_cancel,
    publish_event,
    publish_job,
    publish_progress,
)
from beatstitch_runtime.jobs.topology import EVENTS, JOBS


def event() -> JobEvent:
    return JobEvent(job_id=new_id(), tenant="default", started=JobStarted())


async def test_the_same_id_is_the_same_message(house):
    spec = house.spec()
    first = await publish_job(house.bus, spec, "one")
    assert await publish_job(house.bus, spec, "one") == first
    assert await publish_job(house.bus, spec, "two") == first + 1
    assert await house.queued() == 2


async def test_a_full_queue_is_back_pressure(open_house):
    async with open_house(jobs_max_messages=2) as house:
        for name in ("a", "b"):
            await publish_job(house.bus, house.spec(), name)
        with pytest.raises(BeatStitchError) as caught:
            await publish_job(house.bus, house.spec(), "c")
        assert caught.value.reason == failure_pb2.ERROR_REASON_QUEUE_FULL
        assert caught.value.retry_after_s
        assert await delete_job_message(house.bus, 1)
        await publish_job(house.bus, house.spec(), "c")


async def test_a_queue_full_of_bytes_is_back_pressure(open_house):
    async with open_house(jobs_max_bytes=2000) as house:
        spec = house.spec(traceparent="x" * 1500)
        await publish_job(house.bus, spec, "a")
        with pytest.raises(BeatStitchError) as caught:
            await publish_job(house.bus, spec, "b")
        assert caught.value.reason == failure_pb2.ERROR_REASON_QUEUE_FULL


async def test_nats_away(house):
    await asyncio.to_thread(house.server.kill)
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    with pytest.raises(BeatStitchError) as caught:
        await publish_job(house.bus, house.spec(), "a", deadline_s=0.5)
    assert time.monotonic() - begun < 4  # the client's own patience is 5 s
    assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
    assert caught.value.metadata == {"dependency": "nats"}
    with pytest.raises(BeatStitchError):
        await publish_event(house.bus, event(), "a", deadline_s=0.2)
    with pytest.raises(BeatStitchError):
        await publish_cancel(house.bus, new_id())
    with pytest.raises(BeatStitchError):
        await delete_job_message(house.bus, 1)
    await publish_progress(house.bus, "default", None)  # dropped before it is looked at


async def test_an_event_waits_for_nats_and_is_stored_once(house):
    await asyncio.to_thread(house.server.kill)
    waiting = asyncio.create_task(publish_event(house.bus, event(), "only"))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await asyncio.to_thread(house.server.start)
    await asyncio.wait_for(waiting, 10)
    assert (await house.bus.js.stream_info(EVENTS)).state.messages == 1


async def test_a_publish_in_flight_when_nats_dies_is_stored_once(house):
    """It raises inside, yet may land later; the retry has the same id."""
    tasks = [
        asyncio.create_task(publish_job(house.bus, house.spec(), str(i), deadline_s=15))
        for i in range(50)
    ]
    await asyncio.sleep(0)
    await asyncio.to_thread(house.server.kill)
    await asyncio.to_thread(house.server.start)
    await asyncio.gather(*tasks)
    assert await house.queued() == 50


async def test_missing_streams_are_made(house):
    await house.bus.js.delete_stream(JOBS)
    assert await publish_job(house.bus, house.spec(), "a") == 1


async def test_only_the_jobs_own_message_is_deleted(house):
    spec = house.spec()
    sequence = await publish_job(house.bus, spec, "a")
    assert await delete_job_message(house.bus, sequence, new_id()) is False
    assert await delete_job_message(house.bus, sequence, spec.job_id) is True
    assert await delete_job_message(house.bus, sequence, spec.job_id) is False
    assert await delete_job_message(house.bus, sequence) is False
    assert await delete_job_message(house.bus, 99) is False
    assert await house.queued() == 0


async def test_what_nats_will_never_take_is_refused_at_once(house):
    spec = house.spec(traceparent="x" * (2 << 20))
    with pytest.raises(BeatStitchError) as caught:
        await publish_job(house.bus, spec, "a")
    assert caught.value.reason == failure_pb2.ERROR_REASON_INTERNAL


async def test_a_closed_connection(house):
    bus = await Bus.connect(house.settings)
    await bus.close()
    await bus.close()
    with pytest.raises(BeatStitchError):
        await publish_event(bus, event(), "a", deadline_s=1)


async def test_nats_not_there_at_the_start(open_house):
    async with open_house() as house:
        nowhere = house.settings.model_copy(
            update={"nats_url": "nats://127.0.0.1:1", "nats_connect_timeout_s": 0.3}
        )
        with pytest.raises(BeatStitchError) as caught:
            await Bus.connect(nowhere)
        assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
