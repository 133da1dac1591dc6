"""A running worker on real NATS and S3, and what a gateway would have of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import grpc

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_core.ids import new_id
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.subjects import event_subject
from beatstitch_runtime.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beatstitch_runtime.service import Service
    from beatstitch_runtime.settings import ServiceSettings

ENDS = frozenset({"succeeded", "failed", "cancelled"})


def server_settings(nats_server, s3_server) -> dict[str, str]:
    """The settings by which a service finds a test's servers."""
    return {
        "nats_url": nats_server.url,
        "s3_endpoint": s3_server.endpoint,
        "s3_bucket": s3_server.bucket,
        "s3_access_key": s3_server.access_key,
        "s3_secret_key": s3_server.secret_key,
    }


class WorkerRoom:
    """The running service; a subclass says which, and what jobs it is given."""

    build: ClassVar[Callable[[ServiceSettings], Awaitable[Service]]]
    stub: ClassVar[Callable[[grpc.aio.Channel], object]]

    def __init__(self, settings: ServiceSettings, prefix: str) -> None:
        self.settings = settings
        self.prefix = prefix
        self.storage = Storage.from_settings(settings)

    async def start(self) -> None:
        self.bus = await Bus.connect(self.settings)
        self.service = await self.build(self.settings)
        self.port = await self.service.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        self.engine = self.stub(self.channel)

    async def stop(self) -> None:
        await self.channel.close()
        await self.service.stop(1.0)
        await self.bus.close()

    def new_spec(self, job_type: job_pb2.JobType.ValueType) -> JobSpec:
        """A job without its work yet."""
        return JobSpec(
            job_id=new_id(),
            tenant="default",
            project_id=new_id(),
            type=job_type,
            lane=job_pb2.JOB_LANE_BATCH,
            key_prefix=self.prefix,
        )

    async def run(
        self,
        spec: JobSpec,
        each: Callable[[JobEvent], Awaitable[None]] | None = None,
        timeout_s: float = 60.0,
    ) -> JobEvent:
        """Publishes the job, hands each of its events to `each` and returns the terminal one."""
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
                    if each is not None:
                        await each(event)
                    if event.WhichOneof("event") in ENDS:
                        return event
        finally:
            await subscription.unsubscribe()
