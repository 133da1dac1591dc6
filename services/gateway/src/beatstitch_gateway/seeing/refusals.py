"""Calls that were refused because somebody wants too much, and work that was given up."""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobType
from beatstitch_runtime.jobs.subjects import QUEUED_TYPES
from beatstitch_runtime.metrics.declare import counter

QUOTAS = ("max_open_jobs", "max_assets", "max_stored_bytes", "max_rendered_minutes", "queue_full")
RATES = ("read", "write", "upload", "job", "engine", "stream")

_refused = counter(
    "beatstitch_quota_refusals_total",
    "Calls refused because a quota is used up, or (queue_full) because too much waits already.",
    ("quota",),
)
_limited = counter(
    "beatstitch_rate_refusals_total", "Calls refused because they come too fast.", ("category",)
)
_dead = counter(
    "beatstitch_dead_letters_total",
    "Messages that were handed out as often as allowed or that no worker could read.",
    ("type",),
)
_late = counter(
    "beatstitch_deadlines_exceeded_total", "Jobs given up at their deadline.", ("type",)
)


def _name(job_type: JobType.ValueType) -> str:
    return JobType.Name(job_type).removeprefix("JOB_TYPE_").lower()


# A counter that is born with its first event hides it: Prometheus sees no increase.
for _quota in QUOTAS:
    _refused.labels(_quota)
for _rate in RATES:
    _limited.labels(_rate)
for _type in QUEUED_TYPES:
    _dead.labels(_name(_type))
for _type in (*QUEUED_TYPES, job_pb2.JOB_TYPE_STITCH):
    if _type != job_pb2.JOB_TYPE_RENDER_CHUNK:
        _late.labels(_name(_type))


def refused(quota: str) -> None:
    """A call was refused for a quota."""
    _refused.labels(quota).inc()


def limited(category: str) -> None:
    """A call was refused for its rate."""
    _limited.labels(category).inc()


def dead(job_type: JobType.ValueType) -> None:
    """A dead letter was found."""
    _dead.labels(_name(job_type)).inc()


def late(job_type: JobType.ValueType) -> None:
    """A job was given up at its deadline."""
    _late.labels(_name(job_type)).inc()
