"""The renderer as a whole: jobs from the queue, pieces through storage, over real NATS and S3."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import grpc
import pytest
import pytest_asyncio

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobProgress
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia
from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    GetRendererCapabilitiesRequest,
    PlanRenderRequest,
)
from beatstitch.internal.v1.renderer_engine_service_pb2_grpc import RendererEngineServiceStub
from beatstitch.v1 import common_pb2, edl_pb2, failure_pb2, job_pb2
from beatstitch_core.canonical import canonical_json, edl_hash, sha256_hex
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.ids import new_id
from beatstitch_core.keys import artefact_key, input_key
from beatstitch_core.timebase import samples_at
from beatstitch_renderer.gathering import chunk_key
from beatstitch_renderer.main import build
from beatstitch_renderer.settings import RendererSettings
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_cancel, publish_job
from beatstitch_runtime.jobs.subjects import event_subject, progress_subject
from beatstitch_runtime.storage import Storage
from beatstitch_samples import odd, signals
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.measure import check_grid, decode_audio, find_clicks, read_codes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beatstitch.v1.edl_pb2 import Edl

RATE = Fraction(30)
SMALL = (320, 180)


@dataclass
class Job:
    """What came of a job."""

    event: JobEvent
    progress: list
    chunks: list[str]

    @property
    def output(self):
        assert self.event.WhichOneof("event") == "succeeded", self.event
        return self.event.succeeded.render

    @property
    def failure(self):
        assert self.event.WhichOneof("event") == "failed", self.event
        return self.event.failed.failure


class Room:
    """The running service, and what a gateway would have."""

    def __init__(self, settings: RendererSettings, prefix: str, folder: Path) -> None:
        self.settings, self.prefix, self.folder = settings, prefix, folder
        self.storage = Storage.from_settings(settings)

    async def start(self) -> None:
        self.bus = await Bus.connect(self.settings)
        self.service = await build(self.settings)
        port = await self.service.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.engine = RendererEngineServiceStub(self.channel)

    async def stop(self) -> None:
        await self.channel.close()
        await self.service.stop(1.0)
        await self.bus.close()

    async def upload(self, path: Path, kind: common_pb2.MediaType.ValueType) -> ReadyMedia:
        ref = await self.storage.put_file(input_key(self.prefix, path.name), path)
        item = ReadyMedia(asset_id=path.name, filename=f"my {path.name}", object=ref)
        item.info.media_type = kind
        return item

    async def spec(self, edl: Edl, song: Path, media: list[Path], profile) -> JobSpec:
        audio = await self.upload(song, common_pb2.MEDIA_TYPE_AUDIO)
        edl.audio.asset_id, edl.audio.sha256 = audio.asset_id, audio.object.sha256
        data = canonical_json(edl)
        key = artefact_key(self.prefix, "edl", sha256_hex(data), ".json")
        spec = JobSpec(
            job_id=new_id(),
            tenant="default",
            project_id=new_id(),
            type=job_pb2.JOB_TYPE_RENDER_FINAL,
            lane=job_pb2.JOB_LANE_BATCH,
            key_prefix=self.prefix,
        )
        spec.render.render_id = new_id()
        spec.render.edl.CopyFrom(await self.storage.put(key, data))
        spec.render.profile.CopyFrom(profile)
        spec.render.audio.CopyFrom(audio)
        for path in media:
            spec.render.media.append(await self.upload(path, common_pb2.MEDIA_TYPE_VIDEO))
        return spec

    async def end_of(self, spec: JobSpec, during=None, limit_s: float = 60) -> Job:
        """Publishes the job and follows it to its terminal event."""
        events: asyncio.Queue[JobEvent] = asyncio.Queue()
        job = Job(JobEvent(), [], [])

        async def take(message) -> None:
            await events.put(JobEvent.FromString(message.data))

        async def note(message) -> None:
            job.progress.append(JobProgress.FromString(message.data))

        subject = event_subject(spec.tenant, spec.job_id)
        heard = [
            await self.bus.nc.subscribe(subject, cb=take),
            await self.bus.nc.subscribe(progress_subject(spec.tenant, spec.job_id), cb=note),
        ]
        await self.bus.nc.flush()
        await publish_job(self.bus, spec, f"{spec.job_id}.1")
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    event = await events.get()
                    kind = event.WhichOneof("event")
                    if kind == "chunk_finished":
                        job.chunks.append(event.chunk_finished.chunk_hash)
                    if during is not None:
                        await during(kind)
                    if kind in {"succeeded", "failed", "cancelled"}:
                        job.event = event
                        return job
        finally:
            for subscription in heard:
                await subscription.unsubscribe()


@pytest.fixture
def renderer_settings(nats_server_fresh, s3_server, tmp_path: Path) -> RendererSettings:
    return RendererSettings(
        nats_url=nats_server_fresh.url,
        s3_endpoint=s3_server.endpoint,
        s3_bucket=s3_server.bucket,
        s3_access_key=s3_server.access_key,
        s3_secret_key=s3_server.secret_key,
        work_dir=tmp_path / "work",
        fetch_s=1.0,
        chunk_slots=2,
        chunk_poll_s=1.0,
        retry_base_s=0.2,
    )


@pytest_asyncio.fixture
async def room(renderer_settings, s3_prefix, tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(renderer_settings, s3_prefix, tmp_path)
    await room.start()
    try:
        yield room
    finally:
        await room.stop()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Eighteen seconds with a click each half second."""
    clicks = signals.click_track(range(0, 18_000_000, 500_000), 18_000_000)
    return write_audio(tmp_path / "song.mp3", clicks, 48_000)


@pytest.fixture
def clips(tmp_path: Path):
    return [
        coded_clip(tmp_path / f"c{i}.mp4", source_id=i, frames=90, gop=30, size=SMALL)
        for i in (1, 2, 3)
    ]


def cutting(studio, clips, segments: int = 24, frames: int = 15, **changes) -> Edl:
    """Half a second of each clip in turn."""
    shots = [
        studio.Shot(clips[i % len(clips)].path, frames, (i % 4) * 500_000, 3_000_000, **changes)
        for i in range(segments)
    ]
    return studio.edl(shots, RATE, SMALL)


async def test_a_render_from_queue_to_proof(room: Room, studio, clips, song, tmp_path):
    edl = cutting(studio, clips)
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    assert not validate_edl(edl)
    job = await room.end_of(spec)
    output, report = job.output, job.output.sync_report
    assert len(job.chunks) == len(output.manifest.chunks) > 1
    assert output.result.chunks_rendered == len(output.manifest.chunks)
    assert output.result.worst_cut_error_frames == report.worst_cut_error_frames == 0
    assert [cut.measured_frame for cut in report.cuts] == list(range(15, 360, 15))
    assert report.counted_frames == report.expected_frames == 360
    assert report.audio_samples == report.expected_audio_samples == samples_at(12_000_000, 48_000)
    assert output.manifest.edl_hash == edl_hash(edl)
    assert output.output.key == artefact_key(
        room.prefix, "out", output.output.key.split("/")[-1].removesuffix(".mp4"), ".mp4"
    )
    video = tmp_path / "got.mp4"
    await room.storage.fetch(output.output, video)
    assert (video.stat().st_size, sha256_hex(video.read_bytes())) == (
        output.manifest.size_bytes,
        output.manifest.sha256,
    )
    readings = read_codes(video)
    wanted = [(i % 3 + 1, (i % 4) * 15 + f) for i in range(24) for f in range(15)]
    assert [reading.code for reading in readings] == wanted
    assert not check_grid(readings, RATE).off_grid
    found = find_clicks(*decode_audio(video))
    assert len(found) == 24
    assert max(abs(sample - i * 24_000) for i, sample in enumerate(found)) <= 2
    stages = {stage.name for progress in job.progress for stage in progress.stages}
    assert stages == {"plan", "chunks", "audio", "assemble", "verify"}
    percents = [progress.progress_percent for progress in job.progress]
    assert percents == sorted(percents)


async def test_the_second_time_nothing_is_made(room: Room, studio, clips, song):
    edl = cutting(studio, clips)
    media = [clip.path for clip in clips]
    first = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    second = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    assert not second.chunks
    assert second.output.output == first.output.output
    assert second.output.sync_report == first.output.sync_report
    assert second.output.result.chunks_rendered == 0
    assert second.output.result.chunks_cached == len(first.output.manifest.chunks)


async def test_an_edit_makes_one_piece_anew(room: Room, studio, clips, song):
    media = [clip.path for clip in clips]
    edl = cutting(studio, clips)
    await room.end_of(await room.spec(edl, song, media, studio.profile()))
    edl.segments[11].source_in_us += 33_333
    plan = await room.engine.PlanRender(
        PlanRenderRequest(edl=edl, profile=studio.profile(), key_prefix=room.prefix)
    )
    assert len(plan.existing_chunk_hashes) == len(plan.plan.chunks) - 1
    job = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    assert job.output.result.chunks_rendered == 1
    assert [chunk.cached for chunk in job.output.manifest.chunks].count(False) == 1


async def test_a_preview_goes_through_the_other_lane(room: Room, studio, clips, song):
    edl = cutting(studio, clips, segments=6)
    profile = studio.profile(name="preview", max_height=90)
    spec = await room.spec(edl, song, [clip.path for clip in clips], profile)
    spec.type, spec.lane = job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_LANE_INTERACTIVE
    made = (await room.end_of(spec)).output.manifest
    assert (made.width, made.height, made.frame_count) == (160, 90, 90)


async def test_a_broken_clip_fails_the_render_and_names_the_asset(
    room: Room, studio, clips, song, tmp_path
):
    bad = odd.truncated(tmp_path / "bad.mp4", clips[0].path, 0.7)
    shots = [
        studio.Shot(clips[0].path, 30, 0, 3_000_000),
        studio.Shot(bad, 30, 0, 3_000_000),
    ]
    edl = studio.edl(shots, RATE, SMALL)
    spec = await room.spec(edl, song, [clips[0].path, bad], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert failure.metadata["asset_id"] == "bad.mp4"
    assert "my bad.mp4" in failure.message
    assert str(tmp_path) not in str(failure)


async def test_a_broken_song_fails_the_render(room: Room, studio, clips, tmp_path):
    edl = cutting(studio, clips, segments=4)
    song = odd.random_bytes(tmp_path / "song.mp3")
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER


async def test_an_invalid_edl_is_refused_with_all_violations(room: Room, studio, clips, song):
    edl = cutting(studio, clips, segments=4)
    edl.segments[1].timeline_in_frame += 1
    edl.segments[2].source_out_us = 0
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.reason == failure_pb2.ERROR_REASON_EDL_INVALID
    assert len(failure.violations) >= 2


async def test_cancelling_ends_the_render_and_its_children(room: Room, studio, tmp_path, song):
    clip = coded_clip(tmp_path / "big.mp4", source_id=1, frames=120, size=(1280, 720))
    edl = studio.edl([studio.Shot(clip.path, 100, 0, 4_000_000)] * 5, RATE, (1280, 720))
    spec = await room.spec(edl, song, [clip.path], studio.profile(preset="veryslow"))

    async def during(kind) -> None:
        if kind == "started":
            await asyncio.sleep(1.5)
            await publish_cancel(room.bus, spec.job_id)

    job = await room.end_of(spec, during)
    assert job.event.WhichOneof("event") == "cancelled"
    for _ in range(50):
        if room.service.worker.running == 0:
            break
        await asyncio.sleep(0.1)
    assert room.service.worker.running == 0


async def test_a_piece_lost_from_the_queue_is_queued_again(
    renderer_settings, s3_prefix, studio, clips, song, tmp_path
):
    """The messages of the first round are taken away; the render comes to its end all the same."""
    hasty = renderer_settings.model_copy(update={"chunk_republish_s": 2.0, "chunk_slots": 0})
    room = Room(hasty, s3_prefix, tmp_path)
    await room.start()
    helper = None
    try:
        edl = cutting(studio, clips)
        spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())

        async def during(kind) -> None:
            nonlocal helper
            if kind == "started" and helper is None:
                await asyncio.sleep(1.0)
                purged = await room.bus.js.purge_stream(
                    "JOBS", subject="beatstitch.job.render_chunk.batch"
                )
                assert purged
                only = renderer_settings.model_copy(update={"coordinator_slots": 0})
                helper = await build(only)
                await helper.start()

        job = await room.end_of(spec, during)
        assert job.output.result.chunks_rendered == len(job.output.manifest.chunks)
    finally:
        if helper is not None:
            await helper.stop(1.0)
        await room.stop()


async def test_a_piece_made_unheard_is_found_by_looking(
    room: Room, studio, clips, song, monkeypatch
):
    edl = cutting(studio, clips)
    monkeypatch.setattr("beatstitch_renderer.gathering.Gathering._hear", _deaf)
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    assert (await room.end_of(spec)).output.sync_report.counted_frames == 360


async def _deaf(_self, _message) -> None:
    pass


async def test_a_damaged_piece_in_storage_is_made_anew(room: Room, studio, clips, song):
    edl = cutting(studio, clips)
    request = PlanRenderRequest(edl=edl, profile=studio.profile(), key_prefix=room.prefix)
    plan = (await room.engine.PlanRender(request)).plan
    key = chunk_key(room.prefix, plan.chunks[0].chunk_hash)
    await room.storage.put(key, b"{}\nnot a piece")
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    job = await room.end_of(spec)
    assert job.event.delivery == 2
    assert job.output.sync_report.counted_frames == 360


async def test_what_the_renderer_can_do(room: Room):
    found = await room.engine.GetRendererCapabilities(GetRendererCapabilitiesRequest())
    assert "x264 core" in found.renderer_fingerprint
    assert edl_pb2.TRANSITION_TYPE_CROSSFADE in found.transitions


async def test_a_piece_that_takes_too_long_fails_the_render(
    renderer_settings, s3_prefix, studio, tmp_path, song
):
    hurried = renderer_settings.model_copy(
        update={"chunk_timeout_s": 0.2, "max_deliver": 2, "retry_base_s": 0.1}
    )
    room = Room(hurried, s3_prefix, tmp_path)
    await room.start()
    try:
        clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=60, size=SMALL)
        edl = studio.edl([studio.Shot(clip.path, 60, 0, 2_000_000)], RATE, SMALL)
        spec = await room.spec(edl, song, [clip.path], studio.profile())
        failure = (await room.end_of(spec)).failure
        assert failure.reason == failure_pb2.ERROR_REASON_RENDER_TIMEOUT
        assert failure.origin == failure_pb2.FAILURE_ORIGIN_SYSTEM
    finally:
        await room.stop()
