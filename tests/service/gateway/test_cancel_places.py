"""A cancel finds the job's message wherever it is: nowhere yet, or given back by a worker."""

from __future__ import annotations

import asyncio

from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import HandedBack, JobStarted
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_core.ids import new_id
from beatstitch_runtime.jobs.publish import publish_job

CANCELLED = job_pb2.JOB_STATE_CANCELLED


async def song_job(house) -> str:
    project_id = await house.project()
    return (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job.id


async def empty(house) -> None:
    async def nothing() -> bool:
        return await house.queued() == 0

    await until(nothing)


async def test_one_that_waits_in_the_outbox_is_never_sent(house, nats_server_fresh):
    await asyncio.to_thread(nats_server_fresh.kill)
    job_id, other = await song_job(house), await song_job(house)
    cancelled = (await house.client.CancelJob(job_id=job_id)).job
    assert cancelled.state == CANCELLED
    await asyncio.to_thread(nats_server_fresh.start)
    spec = await house.take(other)
    assert spec.job_id == other
    await asyncio.sleep(0.3)
    assert await house.queued() == 0
    assert (await house.job(job_id)).delivery == 0
    again = (await house.client.RetryJob(job_id=job_id)).job
    assert (await house.take(again.id)).job_id == again.id


async def test_one_that_a_draining_worker_gave_back_is_taken_out_there(house):
    job_id = await song_job(house)
    spec = await house.take(job_id)
    await house.event(spec, started=JobStarted())
    spec.hand_backs = spec.earlier_deliveries = 1
    place = await publish_job(house.bus, spec, new_id())
    await house.event(spec, handed_back=HandedBack(sequence=place))
    await house.until_state(job_id, job_pb2.JOB_STATE_RUNNING)
    await asyncio.sleep(0.3)
    assert await house.queued() == 1
    await house.client.CancelJob(job_id=job_id)
    await empty(house)


async def test_one_that_is_given_back_after_its_cancel_is_taken_out_too(house):
    job_id = await song_job(house)
    spec = await house.take(job_id)
    await house.event(spec, started=JobStarted())
    await house.until_state(job_id, job_pb2.JOB_STATE_RUNNING)
    await house.client.CancelJob(job_id=job_id)
    place = await publish_job(house.bus, spec, new_id())
    await house.event(spec, handed_back=HandedBack(sequence=place))
    await empty(house)
