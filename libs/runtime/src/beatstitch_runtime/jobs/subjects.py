"""Names of streams, consumers and subjects. Pure."""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobLane, JobType

JOBS = "JOBS"
EVENTS = "EVENTS"
DEAD = "DEAD"

# Consumers of the gateway; its replicas share them.
EVENTS_CONSUMER = "gateway-events"
DEAD_CONSUMER = "gateway-dead"

JOB_SUBJECTS = "beatstitch.job.*.*"
EVENT_SUBJECTS = "beatstitch.event.*.*"
CANCEL_SUBJECTS = "beatstitch.cancel.*"
PROGRESS_SUBJECTS = "beatstitch.progress.*.*"
CHANGED_SUBJECTS = "beatstitch.changed.*.*"
DEAD_SUBJECTS = (
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.JOBS.*",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.JOBS.*",
)

# A stitch is a parent in the gateway's books and never a message.
QUEUED_TYPES: tuple[JobType.ValueType, ...] = (
    job_pb2.JOB_TYPE_BEAT_ANALYSIS,
    job_pb2.JOB_TYPE_TIMELINE_BUILD,
    job_pb2.JOB_TYPE_THUMBNAIL_GEN,
    job_pb2.JOB_TYPE_RENDER_PREVIEW,
    job_pb2.JOB_TYPE_RENDER_FINAL,
    job_pb2.JOB_TYPE_RENDER_CHUNK,
)
LANES: tuple[JobLane.ValueType, ...] = (
    job_pb2.JOB_LANE_INTERACTIVE,
    job_pb2.JOB_LANE_BATCH,
)


def type_name(job_type: JobType.ValueType) -> str:
    """The type as subjects and logs call it, for example "render_chunk".

    Raises:
        ValueError: The type is never queued.
    """
    if job_type not in QUEUED_TYPES:
        raise ValueError(f"no queue for jobs of type {job_type}")
    return JobType.Name(job_type).removeprefix("JOB_TYPE_").lower()


def lane_name(lane: JobLane.ValueType) -> str:
    """The lane as subjects call it: "interactive" or "batch".

    Raises:
        ValueError: The lane is not chosen.
    """
    if lane not in LANES:
        raise ValueError(f"no such lane: {lane}")
    return JobLane.Name(lane).removeprefix("JOB_LANE_").lower()


def job_subject(job_type: JobType.ValueType, lane: JobLane.ValueType) -> str:
    """Where jobs of a type and lane wait."""
    return f"beatstitch.job.{type_name(job_type)}.{lane_name(lane)}"


def consumer_name(job_type: JobType.ValueType, lane: JobLane.ValueType) -> str:
    """The durable consumer that hands them out, for example "render_chunk-batch"."""
    return f"{type_name(job_type)}-{lane_name(lane)}"


def queue_of(consumer: str) -> tuple[JobType.ValueType, JobLane.ValueType] | None:
    """The inverse of `consumer_name`; None for a consumer that hands out no jobs."""
    for job_type in QUEUED_TYPES:
        for lane in LANES:
            if consumer_name(job_type, lane) == consumer:
                return job_type, lane
    return None


def event_subject(tenant: str, job_id: str) -> str:
    """Where the facts about a job are stored."""
    return f"beatstitch.event.{_token(tenant)}.{_token(job_id)}"


def progress_subject(tenant: str, job_id: str) -> str:
    """Where a running job says how far it is; not stored."""
    return f"beatstitch.progress.{_token(tenant)}.{_token(job_id)}"


def changed_subject(tenant: str, job_id: str) -> str:
    """Where the gateway says that a job's row has changed, for its own watchers; not stored."""
    return f"beatstitch.changed.{_token(tenant)}.{_token(job_id)}"


def cancel_subject(job_id: str) -> str:
    """Where a running job is told to stop; not stored."""
    return f"beatstitch.cancel.{_token(job_id)}"


def _token(text: str) -> str:
    # A dot, a star or white space would send it to another subject, or to another tenant.
    if not text or any(char in ".*>" or char.isspace() for char in text):
        raise ValueError("not usable in a NATS subject")
    return text
