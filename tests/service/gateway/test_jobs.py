"""Following, ending and trying again."""

from __future__ import annotations

import asyncio
import time

from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobCancelled, JobFailed, JobStarted
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import JobStage

PENDING = job_pb2.JOB_STATE_PENDING
RUNNING = job_pb2.JOB_STATE_RUNNING
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
CANCELLED = job_pb2.JOB_STATE_CANCELLED


async def song_job(house) -> str:
    project_id = await house.project()
    return (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job.id


async def collect(call, seen: list) -> None:
    async for reply in call:
        seen.append(reply.job)  # noqa: PERF401 - others look at it meanwhile


async def filled(seen: list) -> bool:
    return bool(seen)


async def test_watch_from_the_first_state_to_the_last(house):
    job_id = await song_job(house)
    seen: list = []
    watching = asyncio.create_task(collect(house.client.WatchJob(job_id=job_id), seen))
    await until(lambda: filled(seen))
    spec = await house.begin(job_id)
    await house.progress(spec, 40, detail="listening", stages=[JobStage(name="decode")])
    await asyncio.sleep(0.8)
    await house.event(spec, succeeded=await house.output(spec))
    async with asyncio.timeout(10):
        await watching
    states = [job.state for job in seen]
    assert states[0] == PENDING
    assert states[-1] == SUCCEEDED
    assert sorted(states) == states
    assert any(job.progress_percent == 40 and job.detail == "listening" for job in seen)
    revisions = [job.revision for job in seen]
    assert revisions == sorted(revisions)
    assert seen[-1].stages[0].state == SUCCEEDED
    assert seen[-1].beat_analysis.bpm == 120


async def test_watch_resumes_by_revision_and_ends_at_the_end(house):
    job_id = await song_job(house)
    done = await house.finish(job_id)
    seen: list = []
    await collect(house.client.WatchJob(job_id=job_id, after_revision=done.revision), seen)
    assert seen == []
    await collect(house.client.WatchJob(job_id=job_id, after_revision=1), seen)
    assert [job.state for job in seen] == [SUCCEEDED]


async def test_progress_is_told_at_most_twice_a_second(house):
    job_id = await song_job(house)
    spec = await house.begin(job_id)
    seen: list = []
    watching = asyncio.create_task(collect(house.client.WatchJob(job_id=job_id), seen))
    begun = time.monotonic()
    for percent in range(50):
        await house.progress(spec, percent)
        await asyncio.sleep(0.02)
    await house.event(spec, succeeded=await house.output(spec))
    await watching
    # The first and the last are told whenever they come.
    assert 2 <= len(seen) <= 2 * (time.monotonic() - begun) + 3
    assert (await house.job(job_id)).progress_percent == 100


async def test_watch_ends_when_the_replica_does(house):
    job_id = await song_job(house)
    other = await house.replica()
    call = other.WatchJob(job_id=job_id)
    following = asyncio.create_task(house.client.refused(call, "DRAINING"))
    waiting = asyncio.create_task(house.client.refused(other.WaitJob(job_id=job_id), "DRAINING"))
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    stopping = asyncio.create_task(house.services[1].stop(10))
    await following
    await waiting
    await stopping
    assert time.monotonic() - begun < 8
    house.services.pop()


async def test_a_change_made_elsewhere_is_seen_here(house):
    other = await house.replica()
    job_id = await song_job(house)
    seen: list = []
    watching = asyncio.create_task(collect(other.WatchJob(job_id=job_id), seen))
    await asyncio.sleep(0.2)
    await house.client.CancelJob(job_id=job_id)
    async with asyncio.timeout(5):
        await watching
    assert seen[-1].state == CANCELLED


async def test_wait_answers_at_the_end_or_when_the_time_is_up(house):
    job_id = await song_job(house)
    reply = await house.client.WaitJob(job_id=job_id, timeout={"nanos": 200_000_000})
    assert reply.job.state == PENDING
    # The last two are no Duration that Python's timedelta takes.
    for seconds in (301, -1, 2**62, -(2**63)):
        error = await house.client.refused(
            house.client.WaitJob(job_id=job_id, timeout={"seconds": seconds}), "FIELD_INVALID"
        )
        assert error.violations[0].field == "timeout"
    waiting = asyncio.create_task(house.ended(job_id))
    await house.finish(job_id)
    assert (await waiting).state == SUCCEEDED


async def test_a_queued_job_is_cancelled_at_once_and_its_message_taken_back(house):
    job_id = await song_job(house)

    async def queued() -> bool:
        return await house.queued() == 1

    await until(queued)
    reply = await house.client.CancelJob(job_id=job_id)
    assert reply.job.state == CANCELLED
    assert reply.job.cancel_requested

    async def empty() -> bool:
        return await house.queued() == 0

    await until(empty)
    again = await house.client.CancelJob(job_id=job_id)
    assert again.job.revision == reply.job.revision


async def test_a_running_job_is_told_and_says_when_it_stopped(house):
    job_id = await song_job(house)
    told = asyncio.Event()

    async def on_cancel(_message) -> None:
        told.set()

    await house.bus.nc.subscribe(f"beatstitch.cancel.{job_id}", cb=on_cancel)
    await house.bus.nc.flush()
    spec = await house.begin(job_id)
    reply = await house.client.CancelJob(job_id=job_id)
    assert reply.job.state == RUNNING
    assert reply.job.cancel_requested
    async with asyncio.timeout(5):
        await told.wait()
    await house.event(spec, cancelled=JobCancelled())
    assert (await house.ended(job_id)).state == CANCELLED
    # Late facts change nothing.
    await house.event(spec, started=JobStarted(), delivery=2)
    await house.event(spec, succeeded=await house.output(spec))
    await asyncio.sleep(0.3)
    assert (await house.job(job_id)).state == CANCELLED


async def test_a_worker_that_never_answers_is_not_waited_for(open_house):
    async with open_house(reconcile_interval_s=0.1, cancel_limit_s=0.5) as house:
        job_id = await song_job(house)
        await house.begin(job_id)
        await house.client.CancelJob(job_id=job_id)
        assert (await house.ended(job_id)).state == CANCELLED


async def test_retry(house):
    project_id, _song, _pictures = await house.ready(1)
    edl_hash = await house.timeline(project_id)
    made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
    error = await house.client.refused(
        house.client.RetryJob(job_id=made.job.id), "JOB_STATE_INVALID"
    )
    assert error.metadata["state"] == "PENDING"
    failed = await house.fail(made.job.id, failure_pb2.ERROR_REASON_RENDER_TIMEOUT)
    assert failed.failure.retryable
    job = (await house.client.RetryJob(job_id=made.job.id)).job
    assert job.retry_of == made.job.id
    done = await house.finish(job.id)
    assert done.render.render_id != made.render.id
    render = (await house.client.GetRender(render_id=done.render.render_id)).render
    assert render.job_id == job.id
    assert render.edl_hash == edl_hash
    assert render.sync_report.expected_frames


async def test_lists_are_filtered_and_paged(house):
    project_id, _song, _pictures = await house.ready(2)
    await song_job(house)
    everything = (await house.client.ListJobs()).jobs
    assert len(everything) == 4
    assert [j.id for j in everything] == sorted((j.id for j in everything), reverse=True)
    inside = (await house.client.ListJobs(project_id=project_id)).jobs
    assert len(inside) == 3
    songs = await house.client.ListJobs(types=[job_pb2.JOB_TYPE_BEAT_ANALYSIS])
    assert len(songs.jobs) == 2
    waiting = await house.client.ListJobs(states=[PENDING, RUNNING])
    assert len(waiting.jobs) == 1
    first = await house.client.ListJobs(page_size=3)
    rest = await house.client.ListJobs(page_size=3, page_token=first.next_page_token)
    assert [j.id for j in (*first.jobs, *rest.jobs)] == [j.id for j in everything]
    for token in ("x", "!!!", first.next_page_token[:-4]):
        await house.client.refused(house.client.ListJobs(page_token=token), "FIELD_INVALID")
    await house.client.refused(house.client.ListJobs(page_size=1001), "FIELD_INVALID")
    await house.client.refused(
        house.client.ListProjects(page_token=first.next_page_token), "FIELD_INVALID"
    )


async def test_a_second_analysis_of_a_ready_song(house):
    _project_id, song_id, _pictures = await house.ready(0)
    again = await house.client.AnalyzeAudio(asset_id=song_id, settings={"analyzer": 2})
    spec = await house.take(again.job.id)
    assert spec.beat_analysis.settings.analyzer == 2
    reason = failure_pb2.ERROR_REASON_ANALYSIS_TIMEOUT
    await house.event(spec, failed=JobFailed(failure=Failure(reason=reason)))
    await house.ended(again.job.id)
    assert (await house.client.GetAsset(asset_id=song_id)).asset.state == 3  # READY
    assert (await house.client.GetBeatGrid(asset_id=song_id)).beat_grid.bpm == 120
