"""The life of one job in a worker, from the delivered message to its ack.

STARTED event → handler, signs of life → terminal event stored → ack. A crash anywhere in between is
a redelivery that finds the artefacts made; an ack is never a lie.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from typing import Any

from beatstitch.internal.v1 import job_event_pb2
from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobSucceeded
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.context import JobContext, Slot
from beatstitch_runtime.jobs.lease import Lease
from beatstitch_runtime.jobs.outcome import (
    Retry,
    as_error,
    decide,
    lost_error,
    timeout_error,
)
from beatstitch_runtime.jobs.places import Place
from beatstitch_runtime.jobs.publish import event_msg_id, publish_event, publish_job
from beatstitch_runtime.jobs.scratch import Scratch
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)

# How long a cancelled handler may take to end its children.
UNWIND_S = 10.0


class Interruption(enum.Enum):
    """Why a handler was stopped from outside."""

    CANCELLED = "cancelled by the client"
    HANDED_BACK = "the worker drains"


Outcome = JobSucceeded | BeatStitchError | Interruption


class JobRun:
    """One job in hand.

    Attributes:
        spec: What to do.
        lease: The right to do it.
        ended: What came of this hand-out, for metrics: succeeded, failed, cancelled, retried,
            handed_back; unsettled until one of these is stored.
        failure: Why the handler failed, whether it is tried again or not.
    """

    def __init__(
        self,
        *,
        spec: JobSpec,
        slot: Slot,
        lease: Lease,
        bus: Bus,
        storage: Storage,
        settings: ServiceSettings,
        scratch: Scratch,
        place: Place,
    ) -> None:
        self.spec = spec
        self.lease = lease
        self.ended = "unsettled"
        self.failure: BeatStitchError | None = None
        self._slot = slot
        self._bus = bus
        self._storage = storage
        self._settings = settings
        self._scratch = scratch
        self._place = place
        self._interrupted: asyncio.Future[Interruption] = asyncio.get_running_loop().create_future()

    @property
    def delivery(self) -> int:
        """Which hand-out of the work this is, of all messages of this attempt; from 1."""
        return self.spec.earlier_deliveries + self.lease.delivery

    @property
    def _counted(self) -> int:
        """The same without those that a drain ended: nobody failed then."""
        return self.delivery - self.spec.hand_backs

    def interrupt(self, why: Interruption) -> None:
        """Stop the handler; without effect once it has ended. The first reason counts."""
        if not self._interrupted.done():
            self._interrupted.set_result(why)

    async def run(self) -> None:
        """Do the job and settle its message; never raises but when cancelled."""
        beating = asyncio.create_task(self.lease.keep(self._settings.heartbeat_s))
        try:
            waits: set[asyncio.Future[Any]] = {self._place, self._interrupted}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not self._is_chunk and not self._interrupted.done():
                await self._publish("started", started=job_event_pb2.JobStarted())
            outcome = await self._work()
            await self._settle(outcome)
        except BeatStitchError:
            # Nothing could be stored: leave the message to its lease, another one will try.
            log.exception("the job's events could not be stored, its message is left alone")
        finally:
            beating.cancel()

    async def _work(self) -> Outcome:
        if self._interrupted.done():
            return self._interrupted.result()
        if self._counted > self._settings.max_deliver:
            return lost_error(self._counted)
        try:
            async with self._scratch.folder() as folder:
                context = JobContext(
                    spec=self.spec,
                    delivery=self.delivery,
                    storage=self._storage,
                    bus=self._bus,
                    work_dir=folder,
                )
                return await self._handle(context)
        except OSError as error:  # the folder itself
            return self._explain(error)

    async def _handle(self, context: JobContext) -> Outcome:
        handler = asyncio.ensure_future(self._slot.handler(context))
        limit_s = self._slot.timeout_s
        try:
            waits: set[asyncio.Future[Any]] = {handler, self._interrupted}
            await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if handler.done():
                return self._result_of(handler)
            context.cancelled.set()
            await _unwind(handler)
            if self._interrupted.done():
                return self._interrupted.result()
            return timeout_error(self.spec.type, limit_s)
        finally:
            context.cancelled.set()
            context.finish_progress()
            handler.cancel()

    def _result_of(self, handler: asyncio.Future[JobSucceeded]) -> Outcome:
        if handler.cancelled():
            return self._explain(RuntimeError("the handler cancelled itself"))
        error = handler.exception()
        return handler.result() if error is None else self._explain(error)

    def _explain(self, error: BaseException) -> BeatStitchError:
        known = as_error(error)
        if known is not error and known.reason == failure_pb2.ERROR_REASON_INTERNAL:
            log.error(
                "unforeseen failure of a job",
                exc_info=error,
                extra={"error_id": known.metadata["error_id"]},
            )
        return known

    async def _settle(self, outcome: Outcome) -> None:
        delivery, patience_s = self._counted, self._settings.ack_wait_s
        if outcome is Interruption.HANDED_BACK:
            if await self._hand_back(min(patience_s, UNWIND_S)):
                log.info("job handed back")
                self.ended = "handed_back"
                return
            outcome = self.failure = lost_error(delivery)
        elif isinstance(outcome, BeatStitchError):
            self.failure = outcome
            settings = self._settings
            verdict = decide(
                outcome,
                delivery,
                max_deliver=settings.max_deliver,
                base_s=settings.retry_base_s,
                max_s=settings.retry_max_s,
            )
            if isinstance(verdict, Retry):
                self.ended = "retried"
                log.warning("job failed, to be tried again: %s", outcome)
                await self.lease.nak(verdict.delay_s, patience_s)
                return
            outcome = verdict.error
        await self._publish_end(outcome)
        self.ended = _word(outcome)
        await self.lease.ack(patience_s)

    async def _hand_back(self, patience_s: float) -> bool:
        """Gives the work back to the queue; False when there is no way left.

        As a fresh message, for a nak would use up one of the deliveries: a rolling restart must not
        fail a long render. Only where none can be stored it is a nak after all.
        """
        if not self.lease.held:
            return True  # the server has given it back already
        fresh = JobSpec()
        fresh.CopyFrom(self.spec)
        fresh.earlier_deliveries = self.delivery
        fresh.hand_backs += 1
        msg_id = event_msg_id(self.spec, self.lease.sequence, self.lease.delivery, "back")
        try:
            place = await publish_job(self._bus, fresh, msg_id, deadline_s=patience_s)
        except BeatStitchError as error:
            log.warning("no fresh message for a job that is handed back: %s", error)
            if self.lease.delivery >= self._settings.max_deliver:
                return False
            await self.lease.nak(0, patience_s)
            return True
        chunk = self.spec.render_chunk.chunk.chunk_hash
        told = job_event_pb2.HandedBack(sequence=place, chunk_hash=chunk)
        await self._publish("handed_back", handed_back=told)
        await self.lease.ack(patience_s)
        return True

    async def _publish_end(self, outcome: Outcome) -> None:
        if isinstance(outcome, BeatStitchError):
            log.warning("job failed: %s", outcome, extra={"reason": reason_name(outcome.reason)})
            failure = outcome.to_failure()
            if self._is_chunk:
                await self._publish_chunk("chunk_failed", failure)
            else:
                await self._publish("failed", failed=job_event_pb2.JobFailed(failure=failure))
        elif isinstance(outcome, Interruption):
            log.info("job cancelled")
            # Of a chunk nobody wants to know: its render is cancelled with it.
            if not self._is_chunk:
                await self._publish("cancelled", cancelled=job_event_pb2.JobCancelled())
        else:
            log.info("job done")
            if self._is_chunk:
                await self._publish_chunk("chunk_done", None)
            else:
                await self._publish("succeeded", succeeded=outcome)

    async def _publish_chunk(self, kind: str, failure: failure_pb2.Failure | None) -> None:
        chunk_hash = self.spec.render_chunk.chunk.chunk_hash
        finished = job_event_pb2.ChunkFinished(chunk_hash=chunk_hash, failure=failure)
        await self._publish(kind, chunk_finished=finished)

    async def _publish(
        self,
        kind: str,
        *,
        started: job_event_pb2.JobStarted | None = None,
        succeeded: JobSucceeded | None = None,
        failed: job_event_pb2.JobFailed | None = None,
        cancelled: job_event_pb2.JobCancelled | None = None,
        chunk_finished: job_event_pb2.ChunkFinished | None = None,
        handed_back: job_event_pb2.HandedBack | None = None,
    ) -> None:
        event = JobEvent(
            job_id=self.spec.job_id,
            tenant=self.spec.tenant,
            type=self.spec.type,
            delivery=self.delivery,
            worker=self._settings.worker_name,
            started=started,
            succeeded=succeeded,
            failed=failed,
            cancelled=cancelled,
            chunk_finished=chunk_finished,
            handed_back=handed_back,
        )
        event.time.GetCurrentTime()
        msg_id = event_msg_id(self.spec, self.lease.sequence, self.lease.delivery, kind)
        await publish_event(self._bus, event, msg_id)

    @property
    def _is_chunk(self) -> bool:
        return self.spec.type == job_pb2.JOB_TYPE_RENDER_CHUNK


def _word(outcome: Outcome) -> str:
    """What metrics call a job's end."""
    if isinstance(outcome, BeatStitchError):
        return "failed"
    return "cancelled" if isinstance(outcome, Interruption) else "succeeded"


async def _unwind(handler: asyncio.Future[JobSucceeded]) -> None:
    """Cancel the handler and give it time to end what it started."""
    handler.cancel()
    await asyncio.wait({handler}, timeout=UNWIND_S)
    if not handler.done():
        log.error("a cancelled handler doesn't end; its folder is taken from it")
    elif not handler.cancelled():
        handler.exception()  # looked at, so that asyncio doesn't complain about it
