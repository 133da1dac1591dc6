"""What a job's handler is given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nats.errors

from beatstitch.internal.v1.job_event_pb2 import JobProgress, JobSucceeded
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1.job_pb2 import JobLane, JobStage, JobType
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.places import Places
from beatstitch_runtime.jobs.publish import publish_progress
from beatstitch_runtime.storage import Storage

PROGRESS_PAUSE_S = 0.5


class JobContext:
    """A job in hand.

    Attributes:
        spec: What to do.
        delivery: Which hand-out of the message this is; 1 for the first.
        storage: Objects.
        bus: The connection, for what the job has to publish or to wait for.
        work_dir: A folder of the job's own, deleted afterwards.
        cancelled: Set when the job has to stop. The handler's task is cancelled as well; this is
            for threads and children, which don't feel that.
    """

    def __init__(
        self, *, spec: JobSpec, delivery: int, storage: Storage, bus: Bus, work_dir: Path
    ) -> None:
        self.spec = spec
        self.delivery = delivery
        self.storage = storage
        self.bus = bus
        self.work_dir = work_dir
        self.cancelled = asyncio.Event()
        self._next_progress = float("-inf")
        self._held_back: JobProgress | None = None
        self._later: asyncio.Task[None] | None = None

    async def progress(
        self, percent: int, detail: str = "", stages: Sequence[JobStage] = ()
    ) -> None:
        """Tell how far the job is.

        May be called as often as one likes: at most two a second are sent, the last one always.

        Args:
            percent: 0 to 99; others are clamped.
            detail: What is going on, for people.
            stages: The stages inside the job.
        """
        self._held_back = JobProgress(
            job_id=self.spec.job_id,
            progress_percent=min(max(percent, 0), 99),
            detail=detail,
            stages=stages,
            delivery=self.delivery,
        )
        wait_s = self._next_progress - time.monotonic()
        if wait_s <= 0:
            await self._send_progress()
        elif self._later is None:
            self._later = asyncio.create_task(self._send_later(wait_s))

    def finish_progress(self) -> None:
        """Drop what was not sent yet: the terminal event says more."""
        self._held_back = None
        if self._later is not None:
            self._later.cancel()
            self._later = None

    async def _send_later(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._later = None
        await self._send_progress()

    async def _send_progress(self) -> None:
        progress, self._held_back = self._held_back, None
        if progress is None:
            return
        self._next_progress = time.monotonic() + PROGRESS_PAUSE_S
        try:
            await publish_progress(self.bus, self.spec.tenant, progress)
        except nats.errors.Error:
            return  # a figure lost; the next one comes


Handler = Callable[[JobContext], Awaitable[JobSucceeded]]


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for jobs of one type and lane.

    Attributes:
        type: What the jobs do.
        lane: Which queue they come from.
        handler: Does one job; raises `BeatStitchError`. For a chunk its result is not looked at.
        concurrency: How many at the same time.
        timeout_s: How long one may take, seconds.
        places: Room shared with other slots; then `concurrency` doesn't count.
        stands_back: Whether the others that share the places go first.
    """

    type: JobType.ValueType
    lane: JobLane.ValueType
    handler: Handler
    concurrency: int
    timeout_s: float
    places: Places | None = None
    stands_back: bool = False

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.timeout_s <= 0:
            raise ValueError("a slot needs a concurrency of at least 1 and a time limit")
