"""Dead letters: jobs that were handed out as often as allowed, and nobody finished them.

JetStream tells by an advisory, kept in the stream DEAD, and keeps the message in JOBS.
"""

from __future__ import annotations

import json
import logging

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db import dead_letters
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs.pull import pull_forever
from beatstitch_gateway.jobs.settle import apply_to_row, failed_event
from beatstitch_runtime.bus import Bus, nats_down
from beatstitch_runtime.jobs.publish import delete_job_message, publish_cancel
from beatstitch_runtime.jobs.topology import DEAD, DEAD_CONSUMER, JOBS

log = logging.getLogger(__name__)


class DeadLetters:
    """Fails the jobs of dead letters; the replicas share one durable consumer."""

    def __init__(self, bus: Bus, database: Database) -> None:
        self._bus = bus
        self._database = database

    async def run(self) -> None:
        """Works until it is cancelled."""
        await pull_forever(self._bus, DEAD, DEAD_CONSUMER, self._handle)

    async def _handle(self, message: Msg) -> None:
        advisory = json.loads(message.data)
        sequence = int(advisory["stream_seq"])
        deliveries = int(advisory.get("deliveries", 0))
        spec = await find_message(self._bus, sequence)
        if spec is None or not is_id(spec.job_id):
            # Ended by its worker, which has told why; or taken back by a cancel.
            return
        log.error(
            "dead letter: nobody finished it in %d deliveries",
            deliveries,
            extra={"job_id": spec.job_id, "tenant": spec.tenant},
        )
        async with self._database.transaction() as tx:
            await dead_letters.insert(tx, str(advisory["id"]), spec, deliveries)
            await apply_to_row(tx, _lost(spec, deliveries))
        if spec.type == job_pb2.JOB_TYPE_RENDER_CHUNK:
            # The render's coordinator would wait for its piece until its own time is up.
            await publish_cancel(self._bus, spec.job_id)
        await delete_job_message(self._bus, sequence, spec.job_id)


def _lost(spec: JobSpec, deliveries: int) -> JobEvent:
    piece = spec.type == job_pb2.JOB_TYPE_RENDER_CHUNK
    error = BeatStitchError(
        failure_pb2.ERROR_REASON_WORKER_LOST,
        f"{'a piece of it' if piece else 'it'} was handed out {deliveries} times and no worker "
        "finished it",
        metadata={"deliveries": str(deliveries)},
    )
    event = JobEvent(job_id=spec.job_id, tenant=spec.tenant, type=spec.type)
    return failed_event(event, error.to_failure())


async def find_message(bus: Bus, sequence: int) -> JobSpec | None:
    """The job at a sequence of JOBS, or None when the message is gone.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN.
    """
    try:
        found = await bus.js.get_msg(JOBS, sequence)
    except NotFoundError:
        return None
    except APIError as error:
        raise nats_down("a job's message could not be read") from error
    except (nats.errors.Error, TimeoutError) as error:
        raise nats_down() from error
    try:
        return JobSpec.FromString(found.data or b"")
    except DecodeError:
        log.error("an unreadable message lies in JOBS at %d", sequence)  # noqa: TRY400
        return None
