"""What the chassis' tests against real servers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import nats.errors
import pytest
import pytest_asyncio
from nats.js.errors import NotFoundError
from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobSucceeded
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_core.ids import new_id
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.topology import EVENTS, JOBS, consumer_name, ensure_topology
from beatstitch_runtime.jobs.worker import JobContext, Slot, Worker
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

INGEST = job_pb2.JOB_TYPE_THUMBNAIL_GEN
BATCH = job_pb2.JOB_LANE_BATCH

Handler = Callable[[JobContext], Awaitable[JobSucceeded]]


@dataclass
class House:
    """A NATS server of the test's own, and what runs on it."""

    server: object
    settings: ServiceSettings
    bus: Bus
    storage: Storage
    workers: list[Worker] = field(default_factory=list)
    buses: list[Bus] = field(default_factory=list)

    @staticmethod
    def spec(job_type: int = INGEST, **fields: object) -> JobSpec:
        """A small job."""
        fields = {"tenant": "default", "lane": BATCH, "attempt": 1, **fields}
        return JobSpec(job_id=new_id(), project_id=new_id(), type=job_type, **fields)

    until = staticmethod(until)

    async def worker(self, handler: Handler, **options: object) -> Worker:
        """A started worker on a connection of its own."""
        settings = self.settings.model_copy(update={"worker_name": f"w{len(self.workers)}"})
        bus = await Bus.connect(settings)
        slot = {"type": INGEST, "lane": BATCH, "concurrency": 1, "timeout_s": 30.0, **options}
        worker = Worker(bus, self.storage, settings, [Slot(handler=handler, **slot)])
        await worker.start()
        self.workers.append(worker)
        self.buses.append(bus)
        return worker

    async def events(self, job_id: str) -> list[JobEvent]:
        """The stored events of a job, in order."""
        found = []
        try:
            info = await self.bus.js.stream_info(EVENTS)
        except NotFoundError:
            return []  # a test deleted it
        for sequence in range(max(info.state.first_seq, 1), info.state.last_seq + 1):
            message = await self.bus.js.get_msg(EVENTS, sequence)
            event = JobEvent.FromString(message.data)
            if event.job_id == job_id:
                found.append(event)
        return found

    async def kinds(self, job_id: str) -> list[str]:
        """Names of the stored events of a job, in order."""
        return [event.WhichOneof("event") for event in await self.events(job_id)]

    async def ended(self, job_id: str, kinds: list[str], timeout_s: float = 30.0) -> None:
        """Wait for these events and for the queue to be empty."""
        await until(lambda: self._is_ended(job_id, kinds), timeout_s)

    async def _is_ended(self, job_id: str, kinds: list[str]) -> bool:
        try:
            return await self.kinds(job_id) == kinds and await self.queued() == 0
        except nats.errors.Error:  # the test's own question went down with a server
            return False

    async def queued(self) -> int:
        """Messages in JOBS, handed out ones too."""
        return (await self.bus.js.stream_info(JOBS)).state.messages

    async def pending_acks(self, job_type: int = INGEST, lane: int = BATCH) -> int:
        """Messages handed out and not settled."""
        info = await self.bus.js.consumer_info(JOBS, consumer_name(job_type, lane))
        return info.num_ack_pending

    async def close(self) -> None:
        await asyncio.gather(*(worker.drain(0) for worker in self.workers))
        await asyncio.gather(*(bus.close() for bus in self.buses))
        await self.bus.close()


@asynccontextmanager
async def house_on(server, tmp_path: Path, **options: object) -> AsyncIterator[House]:
    settings = ServiceSettings(
        nats_url=server.url,
        **{
            "ack_wait_s": 2.0,
            "heartbeat_s": 0.4,
            "retry_base_s": 0.05,
            "work_dir": tmp_path / "work",
            "worker_name": "test",
            **options,
        },
    )
    bus = await Bus.connect(settings)
    house = House(server, settings, bus, Storage.from_settings(settings))
    try:
        await ensure_topology(bus.js, settings)
        yield house
    finally:
        await house.close()


@pytest.fixture
def open_house(nats_server_fresh, tmp_path: Path):
    """Open a house with settings of the test's own: `async with open_house(max_deliver=1) as …`."""
    return partial(house_on, nats_server_fresh, tmp_path)


@pytest_asyncio.fixture
async def house(open_house) -> AsyncIterator[House]:
    async with open_house() as house:
        yield house
