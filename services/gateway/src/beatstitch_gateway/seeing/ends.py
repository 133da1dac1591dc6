"""Jobs that ended, each counted once: by the replica whose transaction ended it."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.job_pb2 import Job, JobLane, JobState, JobType
from beatstitch_core.errors import reason_name
from beatstitch_runtime.metrics.declare import JOB_BUCKETS, counter, histogram

_LABELS = ("type", "lane", "state")
_ended = counter(
    "beatstitch_jobs_ended_total",
    "Jobs that ended, stitches too: succeeded, failed or cancelled; with the reason of a failure.",
    (*_LABELS, "reason"),
)
_turnaround = histogram(
    "beatstitch_job_turnaround_seconds",
    "From a job's acceptance to its end, seconds: what its client waited.",
    _LABELS,
    buckets=JOB_BUCKETS,
)


def ended(job: Job) -> None:
    """A job ended; to be called after the commit that says so."""
    labels = (
        JobType.Name(job.type).removeprefix("JOB_TYPE_").lower(),
        JobLane.Name(job.lane).removeprefix("JOB_LANE_").lower(),
        JobState.Name(job.state).removeprefix("JOB_STATE_").lower(),
    )
    failed = job.state == job_pb2.JOB_STATE_FAILED
    reason = job.failure.reason or failure_pb2.ERROR_REASON_UNSPECIFIED
    _ended.labels(*labels, reason_name(reason) if failed else "").inc()
    seconds = (job.end_time.ToNanoseconds() - job.create_time.ToNanoseconds()) / 1e9
    _turnaround.labels(*labels).observe(max(0.0, seconds))
