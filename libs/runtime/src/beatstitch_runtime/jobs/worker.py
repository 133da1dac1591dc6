"""The loop of a worker: a free place in a slot → ask for a job → run it.

Each slot asks its own consumer and has its own places, so coordinators that wait long and the
chunks they wait for never take each other's room.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from functools import partial

from google.protobuf.message import DecodeError

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch_core.errors import reason_name
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.cancellations import Cancellations
from beatstitch_runtime.jobs.context import Handler, JobContext, Slot
from beatstitch_runtime.jobs.job_run import Interruption, JobRun
from beatstitch_runtime.jobs.lease import Lease
from beatstitch_runtime.jobs.places import Place, Places
from beatstitch_runtime.jobs.puller import Pulled, Puller, PullRefused
from beatstitch_runtime.jobs.scratch import Scratch
from beatstitch_runtime.jobs.seen import job_span
from beatstitch_runtime.jobs.subjects import JOBS, consumer_name
from beatstitch_runtime.jobs.topology_upkeep import await_topology, restore_topology
from beatstitch_runtime.metrics import jobs as metrics
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_runtime.telemetry import log_context
from beatstitch_runtime.traceparent import trace_id, traceparent

__all__ = ["Handler", "JobContext", "Slot", "Worker"]

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.05
LONGEST_BACKOFF_S = 5.0
# After the grace: for the handlers to unwind and the messages to be handed back.
SETTLE_S = 15.0

# A message twice in the same hands is known by its place in the stream and its job.
RunKey = tuple[int, str, int]


class Worker:
    """Runs jobs for as many slots as it is given."""

    def __init__(
        self, bus: Bus, storage: Storage, settings: ServiceSettings, slots: Sequence[Slot]
    ) -> None:
        self._bus = bus
        self._storage = storage
        self._settings = settings
        self._slots = tuple(slots)
        self._scratch = Scratch(settings.work_dir)
        self._cancellations = Cancellations(bus, self._cancel)
        self._pullers: list[Puller] = []
        self._loops: list[asyncio.Task[None]] = []
        self._runs: dict[RunKey, JobRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def running(self) -> int:
        """Jobs in hand."""
        return len(self._tasks)

    async def start(self) -> None:
        """Make the streams if need be, listen for cancellations, and begin to ask for jobs.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN, NATS is away.
            OSError: No scratch folder can be made.
        """
        await asyncio.to_thread(self._scratch.open)
        await await_topology(self._bus)
        await self._cancellations.start()
        for slot in self._slots:
            name = consumer_name(slot.type, slot.lane)
            puller = Puller(self._bus, JOBS, name, self._settings.fetch_s)
            await puller.start()
            self._pullers.append(puller)
            metrics.opened(slot.type, slot.lane, slot.concurrency)
            self._loops.append(asyncio.create_task(self._serve(slot, puller), name=name))

    async def drain(self, grace_s: float) -> None:
        """Stop: take no more jobs, let the running ones end, hand back those that don't.

        Args:
            grace_s: How long running jobs may go on, seconds. A job that is stopped then is
                handed back at once and starts elsewhere.
        """
        for slot, puller in zip(self._slots, self._pullers, strict=False):
            puller.stop()
            if not self._draining:
                metrics.opened(slot.type, slot.lane, -slot.concurrency)
        self._draining = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await asyncio.gather(*(puller.close() for puller in self._pullers))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for run in self._runs.values():
            run.interrupt(Interruption.HANDED_BACK)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLE_S)
        for task in self._tasks:
            task.cancel()  # NATS is away: the leases will run out
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cancellations.close()
        await asyncio.to_thread(self._scratch.close)

    async def _serve(self, slot: Slot, puller: Puller) -> None:
        places = slot.places or Places(slot.concurrency)
        first = not slot.stands_back
        backoff_s = FIRST_BACKOFF_S
        while not self._draining:
            await places.open(first=first)
            try:
                pulled = await puller.next()
                backoff_s = FIRST_BACKOFF_S
            except PullRefused as error:
                # Instant, when the consumer is missing: without a pause this would spin.
                log.warning("no jobs to be had: %s", error, extra={"pause_s": backoff_s})
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.5))  # noqa: S311
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
                await restore_topology(self._bus)
                continue
            if pulled is not None:
                place = places.claim(first=first)
                task = asyncio.create_task(self._take(slot, pulled, place))
                self._tasks.add(task)
                task.add_done_callback(partial(self._release, places, place))

    def _release(self, places: Places, place: Place, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        places.give_back(place)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job's life ended in an error; its lease will run out", exc_info=error)

    async def _take(self, slot: Slot, pulled: Pulled, place: Place) -> None:
        """Run the job of a message, unless it runs here already."""
        lease = Lease(self._bus, pulled, self._settings.ack_wait_s)
        try:
            spec = JobSpec.FromString(pulled.msg.data)
        except DecodeError:
            log.exception("a message in JOBS is no job: to the dead letters")
            await lease.term(self._settings.ack_wait_s)
            return
        key = (lease.sequence, spec.job_id, spec.attempt)
        if (running := self._runs.get(key)) is not None:
            # Its lease ran out, while the connection was away for example, and it came back here.
            running.lease.renew_with(pulled)
            return
        run = JobRun(
            spec=spec,
            slot=slot,
            lease=lease,
            bus=self._bus,
            storage=self._storage,
            settings=self._settings,
            scratch=self._scratch,
            place=place,
        )
        self._runs[key] = run
        if spec.job_id in self._cancellations:
            run.interrupt(Interruption.CANCELLED)
        begun = time.monotonic()
        metrics.taken(slot.type, slot.lane, lease.delivery, lease.queued)
        with (
            job_span(slot, spec, lease.delivery) as span,
            log_context(
                request_id=spec.job_id,
                tenant=spec.tenant,
                project_id=spec.project_id,
                job_id=spec.job_id,
                trace_id=trace_id(traceparent()),
            ),
        ):
            log.info("job taken", extra={"slot": slot_name(slot), "delivery": lease.delivery})
            try:
                await run.run()
            finally:
                del self._runs[key]
                seconds = time.monotonic() - begun
                metrics.left(slot.type, slot.lane, run.ended, seconds)
                span.note(beatstitch__job_outcome=run.ended)
                if run.failure is not None:
                    metrics.failed(slot.type, run.failure.reason)
                    span.fail(reason_name(run.failure.reason))
                log.debug("job left", extra={"seconds": round(seconds, 3)})

    def _cancel(self, job_id: str) -> None:
        for run in self._runs.values():
            if run.spec.job_id == job_id:
                run.interrupt(Interruption.CANCELLED)


def slot_name(slot: Slot) -> str:
    """How logs call a slot."""
    return consumer_name(slot.type, slot.lane)
