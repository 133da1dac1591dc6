"""A running analyzer on real NATS and S3, and what a gateway would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from support.worker_room import WorkerRoom, server_settings

from beatstitch.internal.v1.analyzer_engine_service_pb2_grpc import AnalyzerEngineServiceStub
from beatstitch.v1 import job_pb2
from beatstitch_analyzer.main import build
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.ids import new_id
from beatstitch_core.keys import input_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beatstitch.internal.v1.job_event_pb2 import JobEvent
    from beatstitch.internal.v1.job_spec_pb2 import JobSpec
    from beatstitch.v1.common_pb2 import ObjectRef


class Room(WorkerRoom):
    """A running analyzer and its jobs."""

    build = staticmethod(build)
    stub = AnalyzerEngineServiceStub

    async def put(self, path: Path) -> ObjectRef:
        """Uploads a file as an asset."""
        return await self.storage.put_file(input_key(self.prefix, new_id()), path)

    async def song(self, path: Path, filename: str = "song.wav") -> JobSpec:
        """The job that an uploaded song starts."""
        spec = self.new_spec(job_pb2.JOB_TYPE_BEAT_ANALYSIS)
        spec.beat_analysis.asset_id = new_id()
        spec.beat_analysis.filename = filename
        spec.beat_analysis.audio.CopyFrom(await self.put(path))
        return spec

    async def media(self, path: Path, filename: str) -> JobSpec:
        """The job that an uploaded picture or clip starts."""
        spec = self.new_spec(job_pb2.JOB_TYPE_THUMBNAIL_GEN)
        spec.media_ingest.asset_id = new_id()
        spec.media_ingest.filename = filename
        spec.media_ingest.media.CopyFrom(await self.put(path))
        return spec

    async def end_of(self, spec: JobSpec) -> JobEvent:
        """Publishes the job and returns its terminal event."""
        return await self.run(spec)


@pytest_asyncio.fixture
async def open_room(nats_server_fresh, s3_server, s3_prefix, tmp_path: Path):
    """Opens rooms with settings of the test's own: `await open_room(max_deliver=1)`."""
    rooms: list[Room] = []

    async def opened(**options: object) -> Room:
        work_dir = tmp_path / "work"
        work_dir.mkdir(exist_ok=True)
        settings = AnalyzerSettings(
            **{
                **server_settings(nats_server_fresh, s3_server),
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
