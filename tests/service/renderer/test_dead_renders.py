"""Nothing goes on for a render that is over; both lanes share one machine; one file, one maker."""

from __future__ import annotations

import asyncio

import pytest
from support.renderer_room import RATE, Room, cutting
from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobCancelled, JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, RenderChunkSpec
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.ids import new_id
from beatstitch_renderer.chunk import ChunkRenderer
from beatstitch_renderer.fingerprint import renderer_fingerprint
from beatstitch_renderer.gathering import chunk_key
from beatstitch_renderer.main import build
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_runtime.jobs.publish import publish_cancel, publish_event, publish_job
from beatstitch_runtime.jobs.subjects import JOBS, consumer_name
from beatstitch_samples import odd
from beatstitch_samples.coded_clips import coded_clip

CHUNK, BATCH = job_pb2.JOB_TYPE_RENDER_CHUNK, job_pb2.JOB_LANE_BATCH
HD = (1280, 720)


async def messages(room: Room) -> int:
    return (await room.bus.js.stream_info(JOBS)).state.messages


async def queued(room: Room, count: int) -> None:
    async def enough() -> bool:
        return await messages(room) >= count

    await until(enough, 20.0)


async def quiet(room: Room) -> None:
    """Waits until nothing is in hand or in the queue; far less than one slow piece takes."""

    async def idle() -> bool:
        return not room.service.worker.running and not await messages(room)

    await until(idle, 5.0)
    info = await room.bus.js.consumer_info(JOBS, consumer_name(CHUNK, BATCH))
    assert (info.num_ack_pending, info.num_pending) == (0, 0)


@pytest.fixture
def slow(studio, tmp_path):
    """Twelve pieces, each of more seconds than a test waits."""
    clip = coded_clip(tmp_path / "big.mp4", source_id=1, frames=120, size=HD)
    shots = [studio.Shot(clip.path, 120, n * 10_000, 4_000_000) for n in range(12)]
    return clip, shots


async def test_a_failed_piece_ends_all_work_for_its_render(
    room: Room, studio, clips, song, slow, tmp_path
):
    clip, shots = slow
    bad = odd.truncated(tmp_path / "bad.mp4", clips[0].path, 0.7)
    edl = studio.edl([studio.Shot(bad, 120, 0, 3_000_000), *shots], RATE, HD)
    spec = await room.spec(edl, song, [clip.path, bad], studio.profile(preset="placebo"))
    job = await room.end_of(spec)
    assert job.failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT
    await quiet(room)


async def test_a_cancelled_render_takes_its_pieces_out_of_the_queue(
    renderer_settings, s3_prefix, studio, song, slow, tmp_path
):
    """Also where no worker hears of it: here there is none for pieces."""
    only = renderer_settings.model_copy(update={"chunk_slots": 0})
    room = Room(only, s3_prefix, tmp_path)
    await room.start()
    try:
        clip, shots = slow
        spec = await room.spec(
            studio.edl(shots, RATE, HD), song, [clip.path], studio.profile(preset="placebo")
        )

        async def during(kind) -> None:
            if kind == "started":
                await queued(room, 4)
                await publish_cancel(room.bus, spec.job_id)

        job = await room.end_of(spec, during)
        assert job.event.WhichOneof("event") == "cancelled"
        await quiet(room)
    finally:
        await room.stop()


async def test_a_piece_of_a_render_that_is_over_is_not_made(room: Room, studio, clips, song):
    edl = cutting(studio, clips, segments=4)
    render = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    fingerprint = (await room.engine.GetRendererCapabilities({})).renderer_fingerprint
    (chunk,) = plan_render(edl, studio.profile(), fingerprint).chunks
    spec = JobSpec(
        job_id=new_id(), tenant="default", type=CHUNK, lane=BATCH, key_prefix=room.prefix
    )
    spec.render_chunk.CopyFrom(
        RenderChunkSpec(
            chunk=chunk,
            media=render.render.media,
            output_key=chunk_key(room.prefix, chunk),
        )
    )
    over = JobEvent(job_id=spec.job_id, tenant="default", cancelled=JobCancelled())
    await publish_event(room.bus, over, "over")
    await publish_job(room.bus, spec, "late")
    await quiet(room)
    assert not await room.storage.exists(spec.render_chunk.output_key)


async def test_both_lanes_share_the_places_and_interactive_pieces_go_first(
    renderer_settings, s3_prefix, studio, clips, song, tmp_path, monkeypatch
):
    lanes: list[int] = []
    at_once: list[int] = []
    working = 0
    real = ChunkRenderer._make

    async def counted(self, context):
        nonlocal working
        working += 1
        at_once.append(working)
        lanes.append(context.spec.lane)
        try:
            return await real(self, context)
        finally:
            working -= 1

    monkeypatch.setattr(ChunkRenderer, "_make", counted)
    single = renderer_settings.model_copy(update={"chunk_slots": 1})
    room = Room(single, s3_prefix, tmp_path)
    await room.start()
    try:
        media = [clip.path for clip in clips]
        batch = await room.spec(cutting(studio, clips), song, media, studio.profile())
        quick = await room.spec(
            cutting(studio, clips), song, media, studio.profile(name="preview", max_height=90)
        )
        quick.type, quick.lane = job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_LANE_INTERACTIVE
        # Both have queued all their pieces before the first is made.
        gate = asyncio.Event()
        gated = ChunkRenderer._make

        async def after_gate(self, context):
            await gate.wait()
            return await gated(self, context)

        monkeypatch.setattr(ChunkRenderer, "_make", after_gate)
        first = asyncio.create_task(room.end_of(batch))
        await queued(room, 3)
        second = asyncio.create_task(room.end_of(quick))
        await queued(room, 6)
        gate.set()
        made = [len((await task).output.manifest.chunks) for task in (first, second)]
    finally:
        await room.stop()
    assert max(at_once) == 1
    assert len(lanes) == sum(made)
    # The piece that was in hand already, then the preview's, then the rest.
    assert lanes[1 : 1 + made[1]] == [job_pb2.JOB_LANE_INTERACTIVE] * made[1]


async def test_one_file_is_never_made_by_two_versions(
    renderer_settings, s3_prefix, studio, clips, song, tmp_path, monkeypatch
):
    """Another version's worker takes pieces too, and hands each of them back."""
    taken: list[str] = []
    real = ChunkRenderer._make

    async def noted(self, context):
        taken.append(self._fingerprint)
        return await real(self, context)

    monkeypatch.setattr(ChunkRenderer, "_make", noted)
    monkeypatch.setattr("beatstitch_renderer.chunk._OTHER_RENDERER_RETRY_S", 0.2)
    with monkeypatch.context() as changed:
        changed.setattr("beatstitch_renderer.fingerprint.RENDER_VERSION", 9_999)
        uncached = renderer_fingerprint.__wrapped__
        changed.setattr("beatstitch_renderer.main.renderer_fingerprint", uncached)
        other = await build(renderer_settings.model_copy(update={"coordinator_slots": 0}))
    room = Room(renderer_settings, s3_prefix, tmp_path)
    await other.start()
    await room.start()
    try:
        spec = await room.spec(
            cutting(studio, clips), song, [clip.path for clip in clips], studio.profile()
        )
        made = (await room.end_of(spec)).output.manifest
    finally:
        await room.stop()
        await other.stop(1.0)
    assert {fingerprint.split(";")[0] for fingerprint in taken} == {
        "beatstitch-renderer 9999",
        made.renderer_fingerprint.split(";")[0],
    }
    assert "beatstitch-renderer 9999" not in made.renderer_fingerprint
    assert {chunk.cached for chunk in made.chunks} == {False}
