"""A gateway in this process, on real PostgreSQL, NATS and S3; the tests play its workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio
from support.played_work import played
from support.public_api import TIMEOUT_S, Client, upload_messages
from support.waiting import until
from support.worker_room import server_settings

from beatstitch.internal.v1.job_event_pb2 import (
    JobEvent,
    JobFailed,
    JobProgress,
    JobStarted,
    JobSucceeded,
)
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import (
    MEDIA_TYPE_AUDIO,
    MEDIA_TYPE_IMAGE,
)
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.tenant_pb2 import ROLE_OPERATOR, ROLE_OWNER
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.create_key import create_key
from beatstitch_gateway.main import build
from beatstitch_gateway.migrate import upgrade
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_event, publish_progress
from beatstitch_runtime.jobs.topology import JOBS, consumer_name
from beatstitch_runtime.service import Service
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_timeline.main import build as build_timeline_service
from beatstitch_timeline.settings import TimelineServiceSettings


def migrate(url: str) -> None:
    asyncio.run(upgrade(url))


@pytest.fixture(scope="session")
def migrate_database() -> Callable[[str], None]:
    return migrate


class House:
    """The gateway, a client, and the hands of its workers."""

    def __init__(self, settings: GatewaySettings, bus: Bus, storage: Storage) -> None:
        self.settings = settings
        self.bus = bus
        self.storage = storage
        self.services: list[Service] = []
        self.channels: list[grpc.aio.Channel] = []
        self.taken: dict[str, JobSpec] = {}
        self.key = ""
        self.client: Client

    async def replica(self, **options: object) -> Client:
        """One more gateway; the client talks to that one."""
        service = await build(self.settings.model_copy(update=options))
        port = await service.start()
        self.services.append(service)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.channels.append(channel)
        return Client(channel, self.key)

    def with_key(self, key: str) -> Client:
        return Client(self.channels[0], key)

    async def new_tenant(self, tenant: str, role: int = ROLE_OWNER) -> Client:
        """A client with a new key for a tenant, which is made where it is new."""
        url = self.settings.database_url.get_secret_value()
        return self.with_key((await create_key(url, tenant, role=role)).text)

    # --- the client's usual moves

    async def project(self, name: str = "song") -> str:
        return (await self.client.CreateProject(display_name=name)).project.id

    async def upload(self, project_id: str, filename: str, media_type: int, data: bytes = b"abc"):
        return await self.client.UploadAsset(
            upload_messages(project_id, filename, media_type, data)
        )

    async def ready(self, pictures: int = 1) -> tuple[str, str, list[str]]:
        """A project with a READY song and pictures: ids of project, song, pictures."""
        project_id = await self.project()
        song = await self.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO, b"song")
        await self.finish(song.job.id)
        ids = []
        for index in range(pictures):
            reply = await self.upload(
                project_id, f"{index}.jpg", MEDIA_TYPE_IMAGE, b"picture %d" % index
            )
            await self.finish(reply.job.id)
            ids.append(reply.asset.id)
        return project_id, song.asset.id, ids

    async def timeline(self, project_id: str) -> str:
        """Builds a timeline and returns its hash."""
        job = (await self.client.GenerateTimeline(project_id=project_id)).job
        done = await self.finish(job.id)
        return done.timeline_build.edl_hash

    async def render(self, project_id: str, edl_hash: str, video: bytes = b"video"):
        made = await self.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
        await self.finish(made.job.id, video=video)
        return made

    # --- the workers' hands

    async def take(self, job_id: str, *, ack: bool = True) -> JobSpec:
        """Takes a job's message from its queue; those before it are kept for who asks for them."""
        if job_id in self.taken:
            return self.taken.pop(job_id)
        job = await self.job(job_id)
        subscription = await self.bus.js.pull_subscribe_bind(
            consumer_name(job.type, job.lane), stream=JOBS
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    for message in await subscription.fetch(1, timeout=TIMEOUT_S):
                        spec = JobSpec.FromString(message.data)
                        if ack:
                            await message.ack_sync()
                        if spec.job_id == job_id:
                            return spec
                        if ack:
                            self.taken[spec.job_id] = spec
        finally:
            await subscription.unsubscribe()

    async def event(self, spec: JobSpec, *, delivery: int = 1, **what: object) -> None:
        event = JobEvent(
            job_id=spec.job_id, tenant=spec.tenant, type=spec.type, delivery=delivery, **what
        )
        event.time.GetCurrentTime()
        await publish_event(self.bus, event, new_id(), deadline_s=10)

    async def progress(self, spec: JobSpec, percent: int, **what: object) -> None:
        told = JobProgress(job_id=spec.job_id, progress_percent=percent, delivery=1, **what)
        await publish_progress(self.bus, spec.tenant, told)
        await self.bus.nc.flush()

    async def begin(self, job_id: str) -> JobSpec:
        spec = await self.take(job_id)
        await self.event(spec, started=JobStarted())
        await self.until_state(job_id, job_pb2.JOB_STATE_RUNNING)
        return spec

    async def finish(self, job_id: str, *, video: bytes = b"video") -> Job:
        """Does a job as a worker would, and returns it as it is then."""
        spec = await self.take(job_id)
        await self.event(spec, started=JobStarted())
        await self.event(spec, succeeded=await self.output(spec, video))
        done = await self.ended(job_id)
        assert done.state == job_pb2.JOB_STATE_SUCCEEDED, done
        return done

    async def fail(self, job_id: str, reason: ErrorReason.ValueType, message: str = "bad") -> Job:
        spec = await self.take(job_id)
        failure = BeatStitchError(reason, message).to_failure()
        await self.event(spec, failed=JobFailed(failure=failure))
        return await self.ended(job_id)

    async def output(self, spec: JobSpec, video: bytes = b"video") -> JobSucceeded:
        """What a worker would have made of it."""
        return await played(self.storage, spec, video)

    # --- looking

    async def job(self, job_id: str) -> Job:
        return (await self.client.GetJob(job_id=job_id)).job

    async def ended(self, job_id: str) -> Job:
        return (await self.client.WaitJob(job_id=job_id)).job

    async def until_state(self, job_id: str, state: int) -> Job:
        async def reached() -> bool:
            return (await self.job(job_id)).state == state

        await until(reached)
        return await self.job(job_id)

    async def queued(self) -> int:
        return (await self.bus.js.stream_info(JOBS)).state.messages

    async def close(self) -> None:
        for channel in self.channels:
            await channel.close()
        for service in self.services:
            await service.stop(0.5)
        await self.bus.close()


@pytest.fixture
def messages():
    return upload_messages


@asynccontextmanager
async def house_on(
    nats_server, s3_server, tmp_path: Path, database_url: str, **options: object
) -> AsyncIterator[House]:
    settings = GatewaySettings(
        database_url=database_url,
        work_dir=tmp_path / "work",
        **{
            **server_settings(nats_server, s3_server),
            "database_pool_size": 4,
            "ack_wait_s": 2.0,
            "heartbeat_s": 0.5,
            "fetch_s": 2.0,
            "relay_interval_s": 0.1,
            "relay_retry_s": 0.2,
            "reconcile_interval_s": 600.0,
            "watch_poll_s": 0.5,
            **options,
        },
    )
    bus = await Bus.connect(settings)
    house = House(settings, bus, Storage.from_settings(settings))
    try:
        # May all: what each role may is tested where roles are.
        tls = settings.database_tls
        house.key = (await create_key(database_url, "default", tls, role=ROLE_OPERATOR)).text
        house.client = await house.replica()
        yield house
    finally:
        await house.close()


@pytest.fixture
def open_house_on(tmp_path: Path):
    """`async with open_house_on(nats_server, s3_server, database_url) as house`."""

    def on(nats_server, s3_server, database_url: str, **options: object):
        return house_on(nats_server, s3_server, tmp_path, database_url, **options)

    return on


@pytest.fixture
def open_house_at(nats_server_fresh, s3_server, tmp_path: Path):
    """`async with open_house_at(database_url) as house`: on a database of one's choice."""
    return partial(house_on, nats_server_fresh, s3_server, tmp_path)


@pytest.fixture
def open_house(open_house_at, database: str):
    """`async with open_house(reconcile_interval_s=0.1) as house`."""
    return partial(open_house_at, database)


@pytest_asyncio.fixture
async def house(open_house) -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@pytest_asyncio.fixture
async def editor(open_house) -> AsyncIterator[House]:
    """A gateway and a real timeline service; uploads are still the tests' own work."""
    async with open_house() as opened:
        shared = {name: getattr(opened.settings, name) for name in ServiceSettings.model_fields}
        service = await build_timeline_service(TimelineServiceSettings(**shared))
        port = await service.start()
        try:
            opened.client = await opened.replica(timeline_address=f"127.0.0.1:{port}")
            yield opened
        finally:
            await service.stop(0.5)


@pytest.fixture
def generate(editor: House):
    """`await generate(project_id, settings={...})`: the newest revision, built."""

    async def build_one(project_id: str, **fields: object) -> Timeline:
        job = (await editor.client.GenerateTimeline(project_id=project_id, **fields)).job
        done = await editor.ended(job.id)
        assert done.timeline_build.edl_hash, done
        return (await editor.client.GetTimeline(project_id=project_id)).timeline

    return build_one
