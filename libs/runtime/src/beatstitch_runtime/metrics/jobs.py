"""Jobs in the hands of this worker."""

from __future__ import annotations

from datetime import UTC, datetime

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch.v1.job_pb2 import JobLane, JobType
from beatstitch_core.errors import reason_name
from beatstitch_runtime.jobs.subjects import lane_name, type_name
from beatstitch_runtime.metrics.declare import JOB_BUCKETS, counter, gauge, histogram

OUTCOMES = ("succeeded", "failed", "cancelled", "retried", "handed_back", "unsettled")
_ALARMING = (
    failure_pb2.ERROR_REASON_INTERNAL,
    failure_pb2.ERROR_REASON_VERIFICATION_FAILED,
    failure_pb2.ERROR_REASON_OUT_OF_MEMORY,
    failure_pb2.ERROR_REASON_DISK_FULL,
    failure_pb2.ERROR_REASON_WORKER_LOST,
    failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
    failure_pb2.ERROR_REASON_OBJECT_MISSING,
)

_LABELS = ("type", "lane")
_wait = histogram(
    "beatstitch_job_wait_seconds",
    "From a job's place in the queue to its first hand-out, seconds.",
    _LABELS,
    buckets=JOB_BUCKETS,
)
_run = histogram(
    "beatstitch_job_run_seconds",
    "From a hand-out to what came of it, seconds.",
    (*_LABELS, "outcome"),
    buckets=JOB_BUCKETS,
)
_outcomes = counter(
    "beatstitch_job_runs_total",
    "Hand-outs that ended: succeeded, failed, cancelled; retried, handed_back (a drain) and "
    "unsettled (NATS was away) come again.",
    (*_LABELS, "outcome"),
)
_failures = counter(
    "beatstitch_job_failures_total",
    "Failures of handlers by reason; those that are tried again too.",
    ("type", "reason"),
)
_redeliveries = counter(
    "beatstitch_job_redeliveries_total", "Hand-outs that were not a job's first.", _LABELS
)
_running = gauge("beatstitch_jobs_running", "Jobs in hand.", _LABELS)
_places = gauge("beatstitch_job_slots", "How many jobs may be in hand.", _LABELS)


def _names(job_type: JobType.ValueType, lane: JobLane.ValueType) -> tuple[str, str]:
    return type_name(job_type), lane_name(lane)


def opened(job_type: JobType.ValueType, lane: JobLane.ValueType, places: int) -> None:
    """A worker has so many places for these jobs (fewer again with a negative number)."""
    labels = _names(job_type, lane)
    _places.labels(*labels).inc(places)
    # A counter that is born with its first event hides it: Prometheus sees no increase.
    _running.labels(*labels)
    _redeliveries.labels(*labels)
    for outcome in OUTCOMES:
        _outcomes.labels(*labels, outcome)
    for reason in _ALARMING:
        _failures.labels(labels[0], reason_name(reason))


def taken(
    job_type: JobType.ValueType, lane: JobLane.ValueType, delivery: int, queued: datetime
) -> None:
    """A job was handed out.

    Args:
        job_type: Its type.
        lane: Its lane.
        delivery: Which hand-out this is; 1 for the first.
        queued: When it was queued, with its time zone.
    """
    labels = _names(job_type, lane)
    _running.labels(*labels).inc()
    if delivery > 1:
        _redeliveries.labels(*labels).inc()
        return
    # Two machines' clocks: never below nothing.
    waited = max(0.0, (datetime.now(UTC) - queued).total_seconds())
    _wait.labels(*labels).observe(waited)


def left(
    job_type: JobType.ValueType, lane: JobLane.ValueType, outcome: str, seconds: float
) -> None:
    """What became of a hand-out, and how long it took."""
    labels = _names(job_type, lane)
    _running.labels(*labels).dec()
    _outcomes.labels(*labels, outcome).inc()
    _run.labels(*labels, outcome).observe(seconds)


def failed(job_type: JobType.ValueType, reason: ErrorReason.ValueType) -> None:
    """A handler failed."""
    _failures.labels(type_name(job_type), reason_name(reason)).inc()
