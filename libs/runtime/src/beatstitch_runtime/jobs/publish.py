"""Putting jobs and facts on the bus so that they are stored exactly once.

Each message carries a `Nats-Msg-Id`. A publish that fails may have landed all the same (while NATS
is away it even lands later), so every retry uses the same id and the stream drops the copy. For the
same reason an id must name everything that makes a publish a wanted one, the attempt included.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobProgress
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus, nats_down
from beatstitch_runtime.jobs.subjects import (
    EVENTS,
    JOBS,
    cancel_subject,
    event_subject,
    job_subject,
    progress_subject,
)
from beatstitch_runtime.jobs.topology_upkeep import restore_topology
from beatstitch_runtime.traceparent import TRACEPARENT, checked, traceparent

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT_S = 2.0
JOB_DEADLINE_S = 5.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
QUEUE_FULL_RETRY_S = 5.0

# "maximum messages exceeded", "maximum bytes exceeded" and their kin.
_STORE_FAILED = 10077
# Deleted ("no message found"), and beyond the stream's end ("stream store EOF").
_NO_SUCH_MESSAGE = (10043, 10057)


async def publish_job(
    bus: Bus, spec: JobSpec, msg_id: str, *, deadline_s: float = JOB_DEADLINE_S
) -> int:
    """Queue a job.

    Args:
        bus: The connection.
        spec: The job; its type and lane choose the queue.
        msg_id: Names this publish. The same id within ten minutes is the same message.
        deadline_s: How long to keep trying while NATS is away, seconds.

    Returns:
        The message's sequence in the stream, for `delete_job_message`.

    Raises:
        BeatStitchError: QUEUE_FULL when the stream is full, DEPENDENCY_DOWN when NATS is away.
    """
    subject = job_subject(spec.type, spec.lane)
    payload, trace = spec.SerializeToString(), checked(spec.traceparent)
    ack = await _publish(bus, JOBS, subject, payload, msg_id, deadline_s, trace)
    return int(ack.seq)


async def publish_event(
    bus: Bus, event: JobEvent, msg_id: str, *, deadline_s: float | None = None
) -> None:
    """Store a fact about a job; returns when it is stored.

    Args:
        bus: The connection.
        event: The fact.
        msg_id: Names this publish; see `event_msg_id`.
        deadline_s: How long to keep trying, seconds; None for as long as it takes.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN when the deadline passed; INTERNAL when NATS will never
            take it (too large).
    """
    subject = event_subject(event.tenant, event.job_id)
    payload = event.SerializeToString()
    await _publish(bus, EVENTS, subject, payload, msg_id, deadline_s, traceparent())


async def publish_cancel(bus: Bus, job_id: str) -> None:
    """Tell whoever runs the job to stop. Not stored: a worker that isn't listening misses it.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN when NATS is away.
    """
    await _publish_core(bus, cancel_subject(job_id), b"")


async def publish_progress(bus: Bus, tenant: str, progress: JobProgress) -> None:
    """Tell whoever watches how far a job is; dropped while NATS is away."""
    if bus.connected:
        subject = progress_subject(tenant, progress.job_id)
        await bus.nc.publish(subject, progress.SerializeToString())


async def delete_job_message(bus: Bus, sequence: int, job_id: str = "") -> bool:
    """Take a queued job back.

    Args:
        bus: The connection.
        sequence: What `publish_job` returned.
        job_id: When given, the message is deleted only if it is of this job. After a loss of all
            of NATS' data the sequences begin again, and the number may be another job's.

    Returns:
        Whether it was there.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN when NATS is away.
    """
    if not await bus.wait_connected(PUBLISH_TIMEOUT_S):
        raise nats_down()
    try:
        if job_id:
            found = await bus.js.get_msg(JOBS, sequence)
            if JobSpec.FromString(found.data or b"").job_id != job_id:
                return False
        return bool(await bus.js.delete_msg(JOBS, sequence))
    except NotFoundError:
        return False
    except APIError as error:
        if error.err_code in _NO_SUCH_MESSAGE:
            return False
        raise nats_down("the job's message could not be deleted") from error
    except (nats.errors.Error, TimeoutError) as error:
        raise nats_down() from error


def event_msg_id(spec: JobSpec, sequence: int, delivery: int, kind: str) -> str:
    """The Msg-Id of an event: everything that makes it another fact than the one before."""
    chunk = spec.render_chunk.chunk.chunk_hash
    parts = (spec.job_id, str(spec.attempt), str(sequence), str(delivery), kind, chunk)
    return ".".join(part for part in parts if part)


async def _publish(  # noqa: PLR0917
    bus: Bus,
    stream: str,
    subject: str,
    payload: bytes,
    msg_id: str,
    deadline_s: float | None,
    trace: str,
) -> api.PubAck:
    """Publish until it is stored, refused for good, or too late."""
    headers = {api.Header.MSG_ID.value: msg_id}
    if trace:
        headers[TRACEPARENT] = trace
    ends = time.monotonic() + (float("inf") if deadline_s is None else deadline_s)
    pause = FIRST_PAUSE_S
    while True:
        left = ends - time.monotonic()
        if bus.closed:
            raise nats_down("the connection to NATS is closed")
        if left <= 0:
            raise nats_down(f"nothing could be stored in {stream}")
        # Without this each try would put one more copy into the client's buffer.
        if not await bus.wait_connected(min(left, PUBLISH_TIMEOUT_S)):
            continue
        try:
            return await bus.js.publish(
                subject,
                payload,
                timeout=min(left, PUBLISH_TIMEOUT_S),
                stream=stream,
                headers=dict(headers),
            )
        except NoStreamResponseError:
            await restore_topology(bus)
        except (nats.errors.Error, TimeoutError) as error:
            if (final := _final(error, stream, len(payload))) is not None:
                raise final from error
            log.info("publish to %s not confirmed, trying again: %r", stream, error)
        await asyncio.sleep(min(pause * random.uniform(0.5, 1.5), max(ends - time.monotonic(), 0)))  # noqa: S311
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _final(error: Exception, stream: str, size: int) -> BeatStitchError | None:
    """What a failed publish means when trying again is of no use."""
    if isinstance(error, nats.errors.MaxPayloadError):
        return BeatStitchError(
            failure_pb2.ERROR_REASON_INTERNAL,
            "a message is larger than NATS takes",
            metadata={"size_bytes": str(size)},
        )
    if not isinstance(error, APIError):
        return None
    if error.err_code == _STORE_FAILED and "exceeded" in (error.description or ""):
        return BeatStitchError(
            failure_pb2.ERROR_REASON_QUEUE_FULL,
            "the job queue is full",
            metadata={"stream": stream},
            retry_after_s=QUEUE_FULL_RETRY_S,
        )
    return None


async def _publish_core(bus: Bus, subject: str, payload: bytes) -> None:
    if not await bus.wait_connected(PUBLISH_TIMEOUT_S):
        raise nats_down()
    try:
        await bus.nc.publish(subject, payload)
        await bus.nc.flush(timeout=2)
    except (nats.errors.Error, TimeoutError) as error:
        raise nats_down() from error
