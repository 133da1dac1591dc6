"""Facts from workers: from the stream EVENTS into the rows."""

from __future__ import annotations

import asyncio
import logging

from google.protobuf.json_format import ParseError
from nats.aio.msg import Msg

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.v1 import failure_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.failure_pb2 import Failure
from beatstitch_core.canonical import parse_json, sha256_hex
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs.pull import pull_forever
from beatstitch_gateway.jobs.settle import apply_to_row, failed_event
from beatstitch_gateway.jobs.signals import Signals
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.topology import EVENTS, EVENTS_CONSUMER
from beatstitch_runtime.storage import Storage
from beatstitch_runtime.telemetry import bind, log_context
from beatstitch_runtime.traceparent import TRACEPARENT, trace_id, traceparent
from beatstitch_runtime.tracing import span

log = logging.getLogger(__name__)


class EventConsumer:
    """Applies events; the replicas share one durable consumer."""

    def __init__(self, bus: Bus, database: Database, storage: Storage, signals: Signals) -> None:
        self._bus = bus
        self._database = database
        self._storage = storage
        self._signals = signals

    async def run(self) -> None:
        """Works until it is cancelled."""
        await pull_forever(self._bus, EVENTS, EVENTS_CONSUMER, self._handle)

    async def _handle(self, message: Msg) -> None:
        event = JobEvent.FromString(message.data)
        # A piece of a render matters to its coordinator only, and there are thousands of them.
        kind = event.WhichOneof("event")
        if kind in {None, "chunk_finished"} or event.handed_back.chunk_hash:
            return
        trace = (message.headers or {}).get(TRACEPARENT, "")
        with (
            span("event", kind="consumer", parent=trace) as seen,
            log_context(tenant=event.tenant, job_id=event.job_id, trace_id=trace_id(traceparent())),
        ):
            seen.note(
                beatstitch__event=event.WhichOneof("event") or "",
                beatstitch__job_id=event.job_id,
                beatstitch__tenant=event.tenant,
            )
            await self.apply(event)

    async def apply(self, event: JobEvent) -> None:
        """Applies one event.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN: it has to be applied again.
        """
        edl = b""
        if event.succeeded.HasField("timeline_build"):
            try:
                edl = await self._edl(event)
            except BeatStitchError as error:
                if error.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN:
                    raise
                event = failed_event(event, _edl_failure(error))
        progress = self._signals.progress_of(event.job_id)
        async with self._database.transaction() as tx:
            row = await apply_to_row(tx, event, edl=edl, progress=progress)
            bind(project_id=row.job.project_id if row is not None else "")
        if row is not None and row.finished:
            self._signals.forget(event.job_id)

    async def _edl(self, event: JobEvent) -> bytes:
        """The EDL that a build stored, as protobuf's bytes."""
        ref = event.succeeded.timeline_build.edl
        data = await self._storage.get(ref.key)
        if sha256_hex(data) != ref.sha256:
            raise _edl_invalid("the EDL's bytes are not what its hash says", ref.sha256)
        try:
            # Long timelines take a second: not on the loop that answers.
            return await asyncio.to_thread(_to_protobuf, data)
        except ParseError as error:
            raise _edl_invalid("the EDL is of another version", ref.sha256) from error


def _to_protobuf(data: bytes) -> bytes:
    return parse_json(data, Edl()).SerializeToString()


def _edl_invalid(message: str, edl_hash: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDL_INVALID, message, metadata={"edl_hash": edl_hash}
    )


def _edl_failure(error: BeatStitchError) -> Failure:
    log.error("the EDL of a build can't be kept: %s", error)
    failure = error.to_failure()
    # Whatever the reason is elsewhere, nobody's input is to blame here.
    failure.origin = failure_pb2.FAILURE_ORIGIN_SYSTEM
    failure.retryable = True
    return failure
