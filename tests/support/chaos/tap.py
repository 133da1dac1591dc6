"""Listens to all that goes through NATS, and remembers who worked on what."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Self

import nats
import nats.errors

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec

if TYPE_CHECKING:
    from types import TracebackType

    from nats.aio.msg import Msg

ENDS = ("succeeded", "failed", "cancelled")


class Tap:
    """Core subscriptions on jobs and events: they see what is published, also to streams.

    Attributes:
        running: Who works on which job, by the STARTED events: job id → worker.
        outputs: What SUCCEEDED events say that a job made: job id → serialized outputs.
        handovers: Seconds from a worker's death to its job's next start, each.
        jobs: The last messages published to JOBS: subject and bytes.
    """

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self.running: dict[str, str] = {}
        self.outputs: dict[str, set[bytes]] = defaultdict(set)
        self.ends: dict[str, list[str]] = defaultdict(list)
        self.handovers: list[float] = []
        self.jobs: list[tuple[str, bytes]] = []
        self._orphans: dict[str, float] = {}
        self._ended_by: asyncio.Queue[str] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self.nc = nats.NATS()

        async def quiet(_error: Exception) -> None:
            return None

        await self.nc.connect(
            servers=self._urls,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,  # type: ignore[arg-type]
            ping_interval=2,
            max_outstanding_pings=2,
            error_cb=quiet,
        )
        await self.nc.subscribe("beatstitch.event.>", cb=self._event)
        await self.nc.subscribe("beatstitch.job.>", cb=self._job)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.nc.is_connected:
            await self.nc.close()

    def worker_died(self, pid: int) -> int:
        """The clock of what it worked on begins; returns how many jobs that are."""
        orphans = [job for job, worker in self.running.items() if worker.endswith(f"-{pid}")]
        now = time.monotonic()
        self._orphans.update((job, now) for job in orphans)
        return len(orphans)

    async def next_end(self) -> str:
        """Waits for the next terminal event and says whose it is."""
        while not self._ended_by.empty():
            self._ended_by.get_nowait()
        return await self._ended_by.get()

    async def _event(self, message: Msg) -> None:
        event = JobEvent.FromString(message.data)
        kind = event.WhichOneof("event") or ""
        if kind == "started":
            self.running[event.job_id] = event.worker
            died = self._orphans.pop(event.job_id, None)
            if died is not None:
                self.handovers.append(time.monotonic() - died)
        elif kind in ENDS:
            self.running.pop(event.job_id, None)
            self._orphans.pop(event.job_id, None)
            self.ends[event.job_id].append(kind)
            if kind == "succeeded":
                self.outputs[event.job_id].add(_made(event))
            self._ended_by.put_nowait(event.worker)

    async def _job(self, message: Msg) -> None:
        self.jobs.append((message.subject, message.data))
        del self.jobs[:-50]

    async def publish_duplicates(self, count: int, nonce: str) -> int:
        """Puts the newest jobs into the queue once more, as a publisher without memory would."""
        sent = 0
        for number, (subject, data) in enumerate(self.jobs[-count:]):
            job_id = JobSpec.FromString(data).job_id
            headers = {"Nats-Msg-Id": f"again.{nonce}.{number}.{job_id}"}
            try:
                await self.nc.jetstream().publish(subject, data, timeout=2, headers=headers)
            except (nats.errors.Error, TimeoutError):
                continue
            sent += 1
        return sent


def _made(event: JobEvent) -> bytes:
    """What decides whether two ends made the same: the objects, not the times beside them."""
    match event.succeeded.WhichOneof("output"):
        case "beat_analysis":
            made = event.succeeded.beat_analysis.beat_grid
        case "media_ingest":
            made = event.succeeded.media_ingest.thumbnail
        case "timeline_build":
            made = event.succeeded.timeline_build.edl
        case _:
            made = event.succeeded.render.output
    return made.SerializeToString(deterministic=True)
