"""What becomes of a job whose handler failed. Pure.

| Failure | Deliveries it gets |
|---|---|
| caused by the input (`retryable` is False) | 1: failing again is certain |
| INTERNAL, that is unforeseen | 2: it may have been the moment, but a bug doesn't get better |
| passing (`retryable`) | all of them |
"""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch.v1.job_pb2 import JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id

INTERNAL_DELIVERIES = 2

_TIMEOUTS: dict[JobType.ValueType, ErrorReason.ValueType] = {
    job_pb2.JOB_TYPE_BEAT_ANALYSIS: failure_pb2.ERROR_REASON_ANALYSIS_TIMEOUT,
    job_pb2.JOB_TYPE_THUMBNAIL_GEN: failure_pb2.ERROR_REASON_MEDIA_TIMEOUT,
    job_pb2.JOB_TYPE_RENDER_PREVIEW: failure_pb2.ERROR_REASON_RENDER_TIMEOUT,
    job_pb2.JOB_TYPE_RENDER_FINAL: failure_pb2.ERROR_REASON_RENDER_TIMEOUT,
    job_pb2.JOB_TYPE_RENDER_CHUNK: failure_pb2.ERROR_REASON_RENDER_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Retry:
    """Hand the job out again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job has failed."""

    error: BeatStitchError


def deliveries_allowed(error: BeatStitchError, max_deliver: int) -> int:
    """How often a job may be handed out when it fails with this error."""
    if error.reason == failure_pb2.ERROR_REASON_INTERNAL:
        return min(INTERNAL_DELIVERIES, max_deliver)
    return max_deliver if error.retryable else 1


def decide(
    error: BeatStitchError, delivery: int, *, max_deliver: int, base_s: float, max_s: float
) -> Retry | GiveUp:
    """Whether a failed job gets another delivery.

    Args:
        error: Why the handler failed.
        delivery: Which delivery failed; 1 for the first.
        max_deliver: How often the consumer hands a job out.
        base_s: Pause before the second delivery, doubled for each further one.
        max_s: Longest pause.
    """
    if delivery >= deliveries_allowed(error, max_deliver):
        return GiveUp(error)
    pause = error.retry_after_s if error.retry_after_s is not None else base_s * 2 ** (delivery - 1)
    # Jitter, so that jobs which failed together don't come back together.
    return Retry(min(pause, max_s) * random.uniform(0.75, 1.25))  # noqa: S311


def timeout_error(job_type: JobType.ValueType, limit_s: float) -> BeatStitchError:
    """The error of a handler that took longer than its slot allows."""
    reason = _TIMEOUTS.get(job_type, failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED)
    return BeatStitchError(
        reason, f"took longer than {limit_s:g} s", metadata={"limit_s": f"{limit_s:g}"}
    )


def lost_error(delivery: int) -> BeatStitchError:
    """The error of a job that was handed out for the last time and not finished."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_WORKER_LOST,
        "the last worker that may have this job had to stop",
        metadata={"delivery": str(delivery)},
    )


def as_error(error: BaseException) -> BeatStitchError:
    """Any exception as an error that may leave the house.

    What nobody foresaw becomes INTERNAL with an `error_id` and no details: those are for the log.
    """
    if isinstance(error, BeatStitchError):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BeatStitchError(failure_pb2.ERROR_REASON_DISK_FULL, "no space left on the disk")
    if isinstance(error, MemoryError):
        return BeatStitchError(failure_pb2.ERROR_REASON_OUT_OF_MEMORY, "out of memory")
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INTERNAL,
        "something unforeseen went wrong",
        metadata={"error_id": new_id()},
    )
