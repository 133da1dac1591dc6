"""A stitch, from the uploads to the video, and its ends on the way."""

from __future__ import annotations

import asyncio

from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobCancelled
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Database

SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
FAILED = job_pb2.JOB_STATE_FAILED
CANCELLED = job_pb2.JOB_STATE_CANCELLED
RUNNING = job_pb2.JOB_STATE_RUNNING


async def child_of(house, job_id: str, stage: str) -> str:
    found: list[str] = []

    async def there() -> bool:
        job = await house.job(job_id)
        found[:] = [i for s in job.stages if s.name == stage for i in s.job_ids]
        return bool(found)

    await until(there)
    return found[-1]


def stages(job) -> dict[str, int]:
    return {stage.name: stage.state for stage in job.stages}


async def uploads(house, pictures: int = 2):
    project_id = await house.project()
    song = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO, b"song")
    media = [
        await house.upload(project_id, f"{i}.jpg", MEDIA_TYPE_IMAGE, b"p%d" % i)
        for i in range(pictures)
    ]
    return project_id, song, media


async def test_all_in_one(house):
    project_id, song, media = await uploads(house)
    job = (await house.client.Stitch(project_id=project_id, settings={"seed": 3})).job
    assert job.state == RUNNING
    assert stages(job) == {"ingest": RUNNING, "analyze": 1, "timeline": 1, "render": 1}
    seen: list = []

    async def watch() -> None:
        async for reply in house.client.WatchJob(job_id=job.id):
            seen.append(reply.job)  # noqa: PERF401 - looked at after a failure too

    watching = asyncio.create_task(watch())
    for reply in (song, *media):
        await house.finish(reply.job.id)
    timeline_job = await child_of(house, job.id, "timeline")
    assert (await house.job(timeline_job)).parent_job_id == job.id
    built = await house.finish(timeline_job)
    render_job = await child_of(house, job.id, "render")
    spec = await house.begin(render_job)
    await house.progress(spec, 50, detail="half of it")
    await asyncio.sleep(0.7)
    await house.event(spec, succeeded=await house.output(spec))
    async with asyncio.timeout(10):
        await watching
    done = seen[-1]
    assert done.state == SUCCEEDED
    assert set(stages(done).values()) == {SUCCEEDED}
    assert done.stitch.analysis.bpm == 120
    assert done.stitch.timeline.edl_hash == built.timeline_build.edl_hash
    assert done.stitch.timeline.timeline_id
    assert done.stitch.render.render_id == spec.render.render_id
    percents = [j.progress_percent for j in seen]
    assert percents == sorted(percents)
    assert any(s.progress_percent == 50 for j in seen for s in j.stages if s.name == "render")
    revisions = [j.revision for j in seen]
    assert revisions == sorted(revisions)
    render = (await house.client.GetRender(render_id=spec.render.render_id)).render
    assert render.profile == "final"
    timeline = (await house.client.GetTimeline(project_id=project_id)).timeline
    assert timeline.settings.seed == 3
    assert [s.media_asset_id for s in timeline.edl.segments] == [m.asset.id for m in media]


async def test_all_of_its_jobs_belong_to_the_trace_of_its_call(house):
    project_id, _song, _pictures = await house.ready(1)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client = house.with_key(house.key)
    client.metadata = (*client.metadata, ("traceparent", trace))
    job = (await client.Stitch(project_id=project_id, analysis={"analyzer": 2})).job
    for stage in ("analyze", "timeline", "render"):
        spec = await house.begin(await child_of(house, job.id, stage))
        assert spec.traceparent == trace, stage
        await house.event(spec, succeeded=await house.output(spec))
    assert (await house.ended(job.id)).state == SUCCEEDED


async def test_with_an_analysis_of_its_own(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (
        await house.client.Stitch(
            project_id=project_id, analysis={"analyzer": 2}, profile="preview"
        )
    ).job
    analysis = await child_of(house, job.id, "analyze")
    await house.finish(analysis)
    await house.finish(await child_of(house, job.id, "timeline"))
    render = await child_of(house, job.id, "render")
    assert (await house.job(render)).type == job_pb2.JOB_TYPE_RENDER_PREVIEW
    await house.finish(render)
    assert (await house.ended(job.id)).state == SUCCEEDED


async def test_failed_media_fails_it(house):
    project_id, song, media = await uploads(house)
    job = (await house.client.Stitch(project_id=project_id)).job
    await house.finish(song.job.id)
    await house.fail(media[0].job.id, failure_pb2.ERROR_REASON_INPUT_CORRUPT, "damaged")
    done = await house.ended(job.id)
    assert done.state == FAILED
    assert done.failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT
    assert done.failure.metadata["asset_id"] == media[0].asset.id
    assert stages(done)["ingest"] == FAILED
    again = (await house.client.RetryJob(job_id=job.id)).job
    assert again.retry_of == job.id
    assert again.type == job_pb2.JOB_TYPE_STITCH


async def test_failed_media_left_out(house):
    project_id, song, media = await uploads(house)
    job = (await house.client.Stitch(project_id=project_id, skip_failed_media=True)).job
    await house.fail(media[0].job.id, failure_pb2.ERROR_REASON_INPUT_CORRUPT)
    await house.finish(song.job.id)
    await house.finish(media[1].job.id)
    timeline = await child_of(house, job.id, "timeline")
    assert "left out: 0.jpg" in (await house.job(job.id)).stages[0].detail
    spec = await house.take(timeline)
    assert [m.asset_id for m in spec.timeline_build.media] == [media[1].asset.id]


async def test_a_failed_stage_fails_it(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.Stitch(project_id=project_id)).job
    timeline = await child_of(house, job.id, "timeline")
    await house.fail(timeline, failure_pb2.ERROR_REASON_TOO_FEW_BEATS, "three beats")
    done = await house.ended(job.id)
    assert done.failure.reason == failure_pb2.ERROR_REASON_TOO_FEW_BEATS
    assert stages(done) == {
        "ingest": SUCCEEDED,
        "analyze": SUCCEEDED,
        "timeline": FAILED,
        "render": CANCELLED,
    }


async def test_cancelled_with_all_inside(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.Stitch(project_id=project_id)).job
    timeline = await child_of(house, job.id, "timeline")
    reply = await house.client.CancelJob(job_id=job.id)
    assert reply.job.state == CANCELLED
    assert (await house.job(timeline)).state == CANCELLED

    async def empty() -> bool:
        return await house.queued() == 0

    await until(empty)


async def test_cancelled_while_a_child_runs(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.Stitch(project_id=project_id)).job
    timeline = await child_of(house, job.id, "timeline")
    spec = await house.begin(timeline)
    reply = await house.client.CancelJob(job_id=job.id)
    assert reply.job.state == RUNNING
    assert reply.job.cancel_requested
    await house.event(spec, cancelled=JobCancelled())
    assert (await house.ended(job.id)).state == CANCELLED


async def test_a_cancelled_child_fails_it(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.Stitch(project_id=project_id)).job
    await house.client.CancelJob(job_id=await child_of(house, job.id, "timeline"))
    done = await house.ended(job.id)
    assert done.failure.reason == failure_pb2.ERROR_REASON_STAGE_FAILED


async def test_a_deleted_asset_fails_it(house):
    project_id, _song, media = await uploads(house)
    job = (await house.client.Stitch(project_id=project_id)).job
    await house.client.DeleteAsset(asset_id=media[0].asset.id)
    done = await house.ended(job.id)
    assert done.failure.reason == failure_pb2.ERROR_REASON_ASSET_NOT_FOUND


async def test_refused_at_once(house):
    project_id = await house.project()
    stitch = house.client.Stitch
    await house.client.refused(stitch(project_id=project_id), "NO_READY_AUDIO")
    song = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)
    await house.client.refused(stitch(project_id=project_id), "NO_READY_MEDIA")
    made = await house.client.CreateUpload(
        project_id=project_id, filename="p", size_bytes=1, media_type=MEDIA_TYPE_IMAGE
    )
    error = await house.client.refused(stitch(project_id=project_id), "ASSET_NOT_READY")
    assert error.metadata == {"asset_id": made.asset.id, "state": "UPLOADING"}
    error = await house.client.refused(
        stitch(
            project_id=project_id,
            profile="4k",
            settings={"beats_per_cut": -1},
            media_asset_ids=[song.asset.id] * 2,
        ),
        "FIELD_INVALID",
    )
    assert [v.field for v in error.violations] == [
        "profile",
        "settings.beats_per_cut",
        "media_asset_ids",
    ]


async def test_a_crash_between_two_steps_is_repaired(open_house):
    """The child's end is in the row, the stitch was not moved: the reconciler moves it."""
    async with open_house(reconcile_interval_s=0.2) as house:
        project_id, _song, _pictures = await house.ready(1)
        job = (await house.client.Stitch(project_id=project_id)).job
        timeline = await child_of(house, job.id, "timeline")
        database = Database(house.settings.database_url.get_secret_value(), 1)
        async with database.transaction() as tx:
            row = await jobs.find(tx, timeline, lock=True)
            assert row is not None
            row.job.state = FAILED
            row.job.failure.reason = failure_pb2.ERROR_REASON_WORKER_LOST
            row.job.revision += 1
            await jobs.save(tx, row)
        await database.close()
        done = await house.ended(job.id)
        assert done.failure.reason == failure_pb2.ERROR_REASON_WORKER_LOST
