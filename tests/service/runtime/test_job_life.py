"""The life of a job in a worker, against a real nats-server."""

from __future__ import annotations

import asyncio
import errno
import logging
import time

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobProgress, JobSucceeded, MediaIngestOutput
from beatstitch.internal.v1.job_spec_pb2 import RenderChunkSpec
from beatstitch.internal.v1.render_plan_pb2 import ChunkPlan
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.jobs.publish import publish_cancel, publish_job
from beatstitch_runtime.jobs.topology import DEAD, job_subject, progress_subject

CORRUPT = BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "damaged", metadata={"a": "b"})
PASSING = BeatStitchError(failure_pb2.ERROR_REASON_FFMPEG_FAILED, "killed", stderr_tail="bye")
DONE = JobSucceeded(media_ingest=MediaIngestOutput())


async def test_a_job_succeeds(house):
    spec = house.spec()
    seen = []

    async def handler(context):
        seen.append((context.spec, context.delivery, context.work_dir))
        (context.work_dir / "x").write_text("scratch")
        return DONE

    await house.worker(handler)
    assert await publish_job(house.bus, spec, spec.job_id) == 1
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert seen[0][:2] == (spec, 1)
    assert not seen[0][2].exists()
    assert await house.pending_acks() == 0
    last = (await house.events(spec.job_id))[-1]
    assert (last.tenant, last.type, last.delivery, last.worker) == ("default", spec.type, 1, "w0")
    assert last.succeeded == DONE
    assert abs(last.time.ToSeconds() - time.time()) < 60


async def test_the_terminal_event_is_stored_before_the_ack(house):
    seen = []

    async def note(message):
        seen.append((message.subject, bytes(message.data)))

    await house.bus.nc.subscribe(">", cb=note)
    await house.bus.nc.flush()

    async def handler(_context):
        return DONE

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"])
    await house.until(lambda: any(data == b"+ACK" for _, data in seen))
    stored = [i for i, (_, data) in enumerate(seen) if b'"stream":"EVENTS","seq":2' in data]
    acked = next(i for i, (_, data) in enumerate(seen) if data == b"+ACK")
    assert stored
    assert stored[0] < acked


async def test_what_the_input_caused_fails_at_once(house):
    async def handler(_context):
        raise CORRUPT

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "failed"])
    failure = (await house.events(spec.job_id))[-1].failed.failure
    assert failure == CORRUPT.to_failure()
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER


async def test_a_passing_failure_is_tried_again(house):
    async def handler(context):
        if context.delivery < 3:
            raise PASSING
        return DONE

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "started", "started", "succeeded"])
    assert [event.delivery for event in await house.events(spec.job_id)] == [1, 2, 3, 3]


async def test_the_last_delivery_reports_the_real_failure(house):
    deliveries = []

    async def handler(context):
        deliveries.append(context.delivery)
        raise PASSING

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started"] * 5 + ["failed"])
    assert deliveries == [1, 2, 3, 4, 5]
    failure = (await house.events(spec.job_id))[-1].failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_FFMPEG_FAILED
    assert failure.stderr_tail == "bye"
    assert (await house.bus.js.stream_info(DEAD)).state.messages == 0


async def test_the_unforeseen_gets_a_second_chance_and_an_error_id(house, caplog):
    async def handler(_context):
        raise KeyError("bsk_secret in a message of a library")

    await house.worker(handler)
    spec = house.spec()
    with caplog.at_level(logging.ERROR):
        await publish_job(house.bus, spec, spec.job_id)
        await house.ended(spec.job_id, ["started", "started", "failed"])
    failure = (await house.events(spec.job_id))[-1].failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_INTERNAL
    assert "bsk" not in failure.message
    records = [
        r for r in caplog.records if getattr(r, "error_id", "") == failure.metadata["error_id"]
    ]
    assert records
    assert records[0].exc_info[0] is KeyError


async def test_a_full_disk_is_called_so(house):
    async def handler(_context):
        raise OSError(errno.ENOSPC, "No space left on device")

    await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started"] * 5 + ["failed"])
    failure = (await house.events(spec.job_id))[-1].failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_DISK_FULL


@pytest.mark.parametrize(
    ("job_type", "reason"),
    [
        (job_pb2.JOB_TYPE_THUMBNAIL_GEN, failure_pb2.ERROR_REASON_MEDIA_TIMEOUT),
        (job_pb2.JOB_TYPE_BEAT_ANALYSIS, failure_pb2.ERROR_REASON_ANALYSIS_TIMEOUT),
        (job_pb2.JOB_TYPE_RENDER_FINAL, failure_pb2.ERROR_REASON_RENDER_TIMEOUT),
        (job_pb2.JOB_TYPE_TIMELINE_BUILD, failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED),
    ],
)
async def test_a_job_that_takes_too_long_is_stopped(open_house, job_type, reason):
    stopped = []

    async def handler(context):
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(context.cancelled.is_set())

    async with open_house(max_deliver=1) as house:
        await house.worker(handler, type=job_type, timeout_s=0.1)
        spec = house.spec(job_type)
        await publish_job(house.bus, spec, spec.job_id)
        await house.ended(spec.job_id, ["started", "failed"])
        assert stopped == [True]
        assert (await house.events(spec.job_id))[-1].failed.failure.reason == reason


async def test_a_running_job_is_cancelled(house):
    running, folders = asyncio.Event(), []

    async def handler(context):
        folders.append(context.work_dir)
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            assert context.cancelled.is_set()

    await house.worker(handler)
    spec, other = house.spec(), house.spec()
    await publish_job(house.bus, spec, spec.job_id)
    await asyncio.wait_for(running.wait(), 5)
    await publish_cancel(house.bus, other.job_id)
    await publish_cancel(house.bus, spec.job_id)
    await house.ended(spec.job_id, ["started", "cancelled"])
    assert not folders[0].exists()


async def test_a_job_cancelled_before_it_was_taken_is_skipped(house):
    calls = []

    async def handler(_context):
        calls.append(1)
        return DONE

    await house.worker(handler)
    spec, after = house.spec(), house.spec()
    await publish_cancel(house.bus, spec.job_id)
    await publish_job(house.bus, spec, spec.job_id)
    await publish_job(house.bus, after, after.job_id)
    await house.ended(after.job_id, ["started", "succeeded"])
    assert await house.kinds(spec.job_id) == ["cancelled"]
    assert calls == [1]


async def test_a_chunk_tells_its_render_only_that_it_is_finished(house):
    chunk_type = job_pb2.JOB_TYPE_RENDER_CHUNK

    async def handler(context):
        if context.spec.render_chunk.chunk.chunk_hash == "bad":
            raise CORRUPT
        return JobSucceeded()

    await house.worker(handler, type=chunk_type)
    spec = house.spec(chunk_type)
    for name in ("good", "bad"):
        spec.render_chunk.CopyFrom(RenderChunkSpec(chunk=ChunkPlan(chunk_hash=name)))
        await publish_job(house.bus, spec, f"{spec.job_id}.1.{name}")
    await house.ended(spec.job_id, ["chunk_finished", "chunk_finished"])
    good, bad = (event.chunk_finished for event in await house.events(spec.job_id))
    assert (good.chunk_hash, good.HasField("failure")) == ("good", False)
    assert bad.failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT


async def test_a_cancelled_chunk_is_silent(house):
    running = asyncio.Event()

    async def handler(_context):
        running.set()
        await asyncio.sleep(60)

    await house.worker(handler, type=job_pb2.JOB_TYPE_RENDER_CHUNK)
    spec = house.spec(job_pb2.JOB_TYPE_RENDER_CHUNK)
    await publish_job(house.bus, spec, spec.job_id)
    await asyncio.wait_for(running.wait(), 5)
    await publish_cancel(house.bus, spec.job_id)
    await house.ended(spec.job_id, [])


async def test_progress_is_at_most_two_a_second_and_the_last_one_comes(house):
    seen = []

    async def note(message):
        seen.append((time.monotonic(), JobProgress.FromString(message.data)))

    spec = house.spec()
    await house.bus.nc.subscribe(progress_subject("default", spec.job_id), cb=note)
    await house.bus.nc.flush()

    async def handler(context):
        for percent in (-5, 10, 20, 30, 150):
            await context.progress(percent, f"at {percent}")
        await asyncio.sleep(0.7)
        return DONE

    await house.worker(handler)
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert [(p.progress_percent, p.detail, p.delivery) for _, p in seen] == [
        (0, "at -5", 1),
        (99, "at 150", 1),
    ]
    assert seen[1][0] - seen[0][0] > 0.45


async def test_slots_do_not_take_each_others_room(house):
    """A coordinator waits for chunks that the same worker makes."""
    chunk_done = asyncio.Event()

    async def coordinate(_context):
        await chunk_done.wait()
        return JobSucceeded()

    async def chunk(_context):
        chunk_done.set()
        return JobSucceeded()

    await house.worker(coordinate, type=job_pb2.JOB_TYPE_RENDER_FINAL)
    await house.worker(chunk, type=job_pb2.JOB_TYPE_RENDER_CHUNK)
    render, piece = (
        house.spec(job_pb2.JOB_TYPE_RENDER_FINAL),
        house.spec(job_pb2.JOB_TYPE_RENDER_CHUNK),
    )
    await publish_job(house.bus, render, render.job_id)
    await publish_job(house.bus, piece, piece.job_id)
    await house.ended(render.job_id, ["started", "succeeded"])


async def test_no_more_jobs_than_places_run_at_once(house):
    running, most = 0, 0

    async def handler(_context):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return DONE

    await house.worker(handler, concurrency=3)
    specs = [house.spec() for _ in range(12)]
    for spec in specs:
        await publish_job(house.bus, spec, spec.job_id)
    for spec in specs:
        await house.ended(spec.job_id, ["started", "succeeded"])
    assert most == 3


async def test_what_is_no_job_becomes_a_dead_letter(house, caplog):
    async def handler(_context):
        raise AssertionError

    await house.worker(handler)
    spec = house.spec()
    await house.bus.js.publish(job_subject(spec.type, spec.lane), b"\xff\xff\xff")

    async def dead():
        return (await house.bus.js.stream_info(DEAD)).state.messages == 1

    await house.until(dead)
    assert await house.queued() == 0
    assert "no job" in caplog.text
