"""A running analyzer on real NATS and S3, and what a gateway would have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest_asyncio

from beatstitch.internal.v1.analyzer_engine_service_pb2_grpc import AnalyzerEngineServiceStub
from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_analyzer.main import build
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.ids import new_id
from beatstitch_core.keys import input_key
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.topology import event_subject
from beatstitch_runtime.storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beatstitch.v1.common_pb2 import ObjectRef


class Room:
    """The running service, and what a gateway would have."""

    def __init__(self, settings: AnalyzerSettings, prefix: str) -> None:
        self.settings = settings
        self.prefix = prefix
        self.storage = Storage.from_settings(settings)

    async def start(self) -> None:
        self.bus = await Bus.connect(self.settings)
        self.service = await build(self.settings)
        self.port = await self.service.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        self.engine = AnalyzerEngineServiceStub(self.channel)

    async def stop(self) -> None:
        await self.channel.close()
        await self.service.stop(1.0)
        await self.bus.close()

    async def put(self, path: Path) -> ObjectRef:
        """Uploads a file as an asset."""
        return await self.storage.put_file(input_key(self.prefix, new_id()), path)

    def spec(self, job_type: job_pb2.JobType.ValueType) -> JobSpec:
        return JobSpec(
            job_id=new_id(),
            tenant="default",
            project_id=new_id(),
            type=job_type,
            lane=job_pb2.JOB_LANE_BATCH,
            key_prefix=self.prefix,
        )

    async def song(self, path: Path, filename: str = "song.wav") -> JobSpec:
        """The job that an uploaded song starts."""
        spec = self.spec(job_pb2.JOB_TYPE_BEAT_ANALYSIS)
        spec.beat_analysis.asset_id = new_id()
        spec.beat_analysis.filename = filename
        spec.beat_analysis.audio.CopyFrom(await self.put(path))
        return spec

    async def media(self, path: Path, filename: str) -> JobSpec:
        """The job that an uploaded picture or clip starts."""
        spec = self.spec(job_pb2.JOB_TYPE_THUMBNAIL_GEN)
        spec.media_ingest.asset_id = new_id()
        spec.media_ingest.filename = filename
        spec.media_ingest.media.CopyFrom(await self.put(path))
        return spec

    async def end_of(self, spec: JobSpec, timeout_s: float = 60.0) -> JobEvent:
        """Publishes the job and returns its terminal event."""
        got: asyncio.Queue[JobEvent] = asyncio.Queue()

        async def take(message) -> None:
            await got.put(JobEvent.FromString(message.data))

        subject = event_subject(spec.tenant, spec.job_id)
        subscription = await self.bus.nc.subscribe(subject, cb=take)
        await self.bus.nc.flush()
        await publish_job(self.bus, spec, new_id())
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    event = await got.get()
                    if event.WhichOneof("event") != "started":
                        return event
        finally:
            await subscription.unsubscribe()


@pytest_asyncio.fixture
async def open_room(nats_server_fresh, s3_server, s3_prefix, tmp_path: Path):
    """Opens rooms with settings of the test's own: `await open_room(max_deliver=1)`."""
    rooms: list[Room] = []

    async def opened(**options: object) -> Room:
        work_dir = tmp_path / "work"
        work_dir.mkdir(exist_ok=True)
        settings = AnalyzerSettings(
            **{
                "nats_url": nats_server_fresh.url,
                "s3_endpoint": s3_server.endpoint,
                "s3_bucket": s3_server.bucket,
                "s3_access_key": s3_server.access_key,
                "s3_secret_key": s3_server.secret_key,
                "work_dir": work_dir,
                "fetch_s": 1.0,
                "retry_base_s": 0.05,
                **options,
            }
        )
        room = Room(settings, s3_prefix)
        await room.start()
        rooms.append(room)
        return room

    yield opened
    for room in rooms:
        await room.stop()


@pytest_asyncio.fixture
async def room(open_room) -> AsyncIterator[Room]:
    return await open_room()
