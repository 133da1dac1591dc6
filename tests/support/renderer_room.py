"""A running renderer with real NATS and S3 around it, and what a gateway would have of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobProgress
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia
from beatstitch.internal.v1.renderer_engine_service_pb2_grpc import RendererEngineServiceStub
from beatstitch.v1 import common_pb2, job_pb2
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.ids import new_id
from beatstitch_core.keys import artefact_key, input_key
from beatstitch_renderer.main import build
from beatstitch_renderer.settings import RendererSettings
from beatstitch_runtime.jobs.subjects import progress_subject
from support.worker_room import WorkerRoom

if TYPE_CHECKING:
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


class Room(WorkerRoom):
    """A running renderer and its jobs."""

    build = staticmethod(build)
    stub = RendererEngineServiceStub

    def __init__(self, settings: RendererSettings, prefix: str, folder: Path) -> None:
        super().__init__(settings, prefix)
        self.folder = folder

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
        spec = self.new_spec(job_pb2.JOB_TYPE_RENDER_FINAL)
        spec.render.render_id = new_id()
        spec.render.edl.CopyFrom(await self.storage.put(key, data))
        spec.render.profile.CopyFrom(profile)
        spec.render.audio.CopyFrom(audio)
        for path in media:
            spec.render.media.append(await self.upload(path, common_pb2.MEDIA_TYPE_VIDEO))
        return spec

    async def end_of(self, spec: JobSpec, during=None, limit_s: float = 60) -> Job:
        """Publishes the job and follows it to its terminal event."""
        job = Job(JobEvent(), [], [])

        async def note(message) -> None:
            job.progress.append(JobProgress.FromString(message.data))

        async def each(event: JobEvent) -> None:
            kind = event.WhichOneof("event")
            if kind == "chunk_finished":
                job.chunks.append(event.chunk_finished.chunk_hash)
            if during is not None:
                await during(kind)

        subject = progress_subject(spec.tenant, spec.job_id)
        subscription = await self.bus.nc.subscribe(subject, cb=note)
        try:
            job.event = await self.run(spec, each, limit_s)
            return job
        finally:
            await subscription.unsubscribe()


def cutting(studio, clips, segments: int = 24, frames: int = 15, **changes) -> Edl:
    """Half a second of each clip in turn."""
    shots = [
        studio.Shot(clips[i % len(clips)].path, frames, (i % 4) * 500_000, 3_000_000, **changes)
        for i in range(segments)
    ]
    return studio.edl(shots, RATE, SMALL)
