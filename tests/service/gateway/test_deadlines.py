"""Jobs are given up at their deadline, wherever they are, and their work is stopped."""

from __future__ import annotations

import asyncio

from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobStarted
from beatstitch.v1 import asset_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_core.errors import reason_name
from beatstitch_runtime.jobs.subjects import CANCEL_SUBJECTS

FAILED = job_pb2.JOB_STATE_FAILED
SOON = {"deadline_interval_s": 0.1}


def told(job) -> str:
    assert job.state == FAILED, job
    assert job.failure.retryable
    return reason_name(job.failure.reason)


async def test_a_job_knows_its_deadline_from_its_acceptance(open_house):
    async with open_house(deadline_beat_analysis_s=90, deadline_thumbnail_gen_s=0) as house:
        project_id = await house.project()
        song = (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job
        length_ns = song.deadline_time.ToNanoseconds() - song.create_time.ToNanoseconds()
        assert length_ns == 90 * 10**9
        picture = (await house.upload(project_id, "p.jpg", 2)).job
        assert not picture.HasField("deadline_time")


async def test_a_queued_job_is_given_up_and_its_message_taken_back(open_house):
    async with open_house(deadline_beat_analysis_s=0.5, **SOON) as house:
        project_id = await house.project()
        made = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)
        done = await house.ended(made.job.id)
        assert told(done) == "JOB_TIMEOUT"
        assert done.failure.metadata["deadline_seconds"] == "0.5"

        async def empty() -> bool:
            return await house.queued() == 0

        await until(empty)
        asset = (await house.client.GetAsset(asset_id=made.asset.id)).asset
        assert asset.state == asset_pb2.ASSET_STATE_FAILED
        again = (await house.client.RetryJob(job_id=made.job.id)).job
        assert again.deadline_time.ToNanoseconds() > done.deadline_time.ToNanoseconds()


async def test_a_running_job_is_stopped_and_its_late_end_changes_nothing(open_house):
    async with open_house(deadline_beat_analysis_s=1.5, **SOON) as house:
        cancelled: list[str] = []

        async def hear(message) -> None:
            cancelled.append(message.subject.rpartition(".")[2])

        await house.bus.nc.subscribe(CANCEL_SUBJECTS, cb=hear)
        await house.bus.nc.flush()
        project_id = await house.project()
        job_id = (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job.id
        spec = await house.take(job_id)
        await house.event(spec, started=JobStarted())
        assert told(await house.ended(job_id)) == "JOB_TIMEOUT"
        await until(lambda: job_id in cancelled)
        await house.event(spec, succeeded=await house.output(spec))
        await asyncio.sleep(0.3)
        assert told(await house.job(job_id)) == "JOB_TIMEOUT"


async def test_waiting_for_ones_turn_counts(open_house):
    """In the outbox, behind the tenant's cap: no message was ever sent."""
    async with open_house(tenant_jobs_in_flight=1, deadline_beat_analysis_s=1.0, **SOON) as house:
        project_id = await house.project()
        first = (await house.upload(project_id, "a.mp3", MEDIA_TYPE_AUDIO)).job.id
        second = (await house.upload(project_id, "b.mp3", MEDIA_TYPE_AUDIO)).job.id
        for job_id in (first, second):
            assert told(await house.ended(job_id)) == "JOB_TIMEOUT"


async def test_a_stitch_takes_what_is_inside_along(open_house):
    async with open_house(deadline_stitch_s=2.0, **SOON) as house:
        project_id, _song, _pictures = await house.ready()
        stitch = (await house.client.Stitch(project_id=project_id)).job
        (child_id,) = next(stage for stage in stitch.stages if stage.name == "timeline").job_ids
        child = await house.job(child_id)
        # Its own limit is hours away: it ends no later than what it is a part of.
        assert child.deadline_time == stitch.deadline_time
        assert told(await house.ended(stitch.id)) == "JOB_TIMEOUT"
        ended = await house.ended(child_id)
        assert ended.state in {job_pb2.JOB_STATE_CANCELLED, FAILED}

        async def empty() -> bool:
            return await house.queued() == 0

        await until(empty)


async def test_a_stage_that_is_too_late_fails_its_stitch(open_house):
    async with open_house(deadline_timeline_build_s=0.5, **SOON) as house:
        project_id, _song, _pictures = await house.ready()
        stitch = (await house.client.Stitch(project_id=project_id)).job
        assert told(await house.ended(stitch.id)) == "JOB_TIMEOUT"
