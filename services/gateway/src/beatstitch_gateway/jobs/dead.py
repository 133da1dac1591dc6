"""Dead letters: jobs that were handed out as often as allowed, and nobody finished them.

JetStream tells by an advisory, kept in the stream DEAD, and keeps the message in JOBS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db import dead_letters, jobs
from beatstitch_gateway.db.dead_letters import NewLetter
from beatstitch_gateway.db.transaction import Database, Transaction
from beatstitch_gateway.jobs.pull import pull_forever
from beatstitch_gateway.jobs.settle import apply_to_row, failed_event
from beatstitch_gateway.seeing.refusals import dead
from beatstitch_runtime.bus import Bus, nats_down
from beatstitch_runtime.jobs.lease import UNREADABLE
from beatstitch_runtime.jobs.publish import delete_job_message, publish_cancel
from beatstitch_runtime.jobs.subjects import queue_of, type_name
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
        if ".MSG_TERMINATED." in message.subject:
            # Told of a message that is deleted in a worker's hands too, as each cancel does.
            if advisory.get("reason") == UNREADABLE:
                await self._unreadable(advisory, sequence)
            return
        spec = await find_message(self._bus, sequence)
        if spec is None or not is_id(spec.job_id):
            # Ended by its worker, which has told why; or taken back by a cancel.
            return
        failure = _lost(spec.type, int(advisory.get("deliveries", 0)))
        event = JobEvent(job_id=spec.job_id, tenant=spec.tenant, type=spec.type)
        letter = NewLetter(
            id=str(advisory["id"]),
            type=spec.type,
            deliveries=int(advisory.get("deliveries", 0)),
            failure=failure,
            tenant=spec.tenant,
            job_id=spec.job_id,
            spec=spec.SerializeToString(),
        )
        async with self._database.transaction() as tx:
            if await apply_to_row(tx, failed_event(event, failure)) is not None:
                await _keep(tx, letter)
        if spec.type == job_pb2.JOB_TYPE_RENDER_CHUNK:
            # The render's coordinator would wait for its piece until its own time is up.
            await publish_cancel(self._bus, spec.job_id)
        await delete_job_message(self._bus, sequence, spec.job_id)

    async def _unreadable(self, advisory: Mapping[str, object], sequence: int) -> None:
        """A worker couldn't read it and ended it, so it is gone; the rows tell whose it was."""
        queue = queue_of(str(advisory.get("consumer", "")))
        if queue is None:
            return
        job_type, lane = queue
        deliveries = int(str(advisory.get("deliveries", 0)))
        letter = NewLetter(
            id=str(advisory["id"]),
            type=job_type,
            deliveries=deliveries,
            failure=_no_job(job_type, deliveries),
        )
        async with self._database.transaction() as tx:
            job_id = await jobs.by_message(tx, sequence, job_type, lane)
            row = await jobs.find(tx, job_id) if job_id else None
            if row is not None:
                await apply_to_row(tx, failed_event(row, letter.failure))
                letter = replace(letter, tenant=row.tenant, job_id=job_id)
            await _keep(tx, letter)


async def _keep(tx: Transaction, letter: NewLetter) -> None:
    if await dead_letters.insert(tx, letter):
        dead(letter.type)
        log.error(
            "dead letter: %s",
            letter.failure.message,
            extra={"job_id": letter.job_id or "", "tenant": letter.tenant or ""},
        )


def _lost(job_type: JobType.ValueType, deliveries: int) -> Failure:
    piece = job_type == job_pb2.JOB_TYPE_RENDER_CHUNK
    return BeatStitchError(
        failure_pb2.ERROR_REASON_WORKER_LOST,
        f"{'a piece of it' if piece else 'it'} was handed out {deliveries} times and no worker "
        "finished it",
        metadata={"deliveries": str(deliveries)},
    ).to_failure()


def _no_job(job_type: JobType.ValueType, deliveries: int) -> Failure:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_WORKER_LOST,
        f"no worker could read its message in the queue {type_name(job_type)}",
        metadata={"deliveries": str(deliveries)},
    ).to_failure()


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
