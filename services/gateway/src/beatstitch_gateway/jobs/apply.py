"""Applies an event to a job. Pure.

Events may come twice, late and out of order: the first terminal one wins, and whatever doesn't
move the job changes nothing.
"""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobSucceeded
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import Job, JobState, JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.job_states import is_terminal, may_become

DONE_PERCENT = 100
_OUTPUT_OF: dict[JobType.ValueType, str] = {
    job_pb2.JOB_TYPE_BEAT_ANALYSIS: "beat_analysis",
    job_pb2.JOB_TYPE_THUMBNAIL_GEN: "media_ingest",
    job_pb2.JOB_TYPE_TIMELINE_BUILD: "timeline_build",
    job_pb2.JOB_TYPE_RENDER_PREVIEW: "render",
    job_pb2.JOB_TYPE_RENDER_FINAL: "render",
}


def apply_event(job: Job, event: JobEvent) -> Job | None:
    """The job after the event, its revision one higher; None when the event changes nothing."""
    if is_terminal(job.state):
        return None
    after = Job()
    after.CopyFrom(job)
    match event.WhichOneof("event"):
        case "started":
            if not _start(after, event):
                return None
        case "succeeded":
            _succeed(after, event.succeeded)
        case "failed":
            _end(after, job_pb2.JOB_STATE_FAILED)
            after.failure.CopyFrom(event.failed.failure)
        case "cancelled":
            _end(after, job_pb2.JOB_STATE_CANCELLED)
        case _:  # a chunk's fact, or one of a newer worker
            return None
    if not may_become(job.state, after.state):
        return None
    after.delivery = max(job.delivery, event.delivery)
    if is_terminal(after.state):
        after.end_time.CopyFrom(event.time)
        if not after.HasField("start_time") and after.delivery:
            after.start_time.CopyFrom(event.time)
    after.revision = job.revision + 1
    return after


def _start(after: Job, event: JobEvent) -> bool:
    """RUNNING; False when the job runs already in this delivery or a later one."""
    running = after.state == job_pb2.JOB_STATE_RUNNING
    if running and event.delivery <= after.delivery:
        return False
    after.state = job_pb2.JOB_STATE_RUNNING
    if not after.HasField("start_time"):
        after.start_time.CopyFrom(event.time)
    return True


def _succeed(after: Job, succeeded: JobSucceeded) -> None:
    output = succeeded.WhichOneof("output")
    if output != _OUTPUT_OF.get(after.type):
        # A worker and a gateway of versions that don't fit: better an end than a job for ever.
        error = BeatStitchError(
            failure_pb2.ERROR_REASON_INTERNAL, "the worker answered with another kind of output"
        )
        fail(after, error.to_failure())
        return
    _end(after, job_pb2.JOB_STATE_SUCCEEDED)
    after.progress_percent = DONE_PERCENT
    match output:
        case "beat_analysis":
            after.beat_analysis.CopyFrom(succeeded.beat_analysis.result)
            after.beat_analysis.asset_id = after.asset_id
        case "media_ingest":
            after.media_ingest.CopyFrom(succeeded.media_ingest.result)
            after.media_ingest.asset_id = after.asset_id
        case "timeline_build":
            built = succeeded.timeline_build
            after.timeline_build.edl_hash = built.edl.sha256
            after.timeline_build.segment_count = built.segment_count
        case _:
            after.render.CopyFrom(succeeded.render.result)


def fail(job: Job, failure: Failure) -> None:
    """FAILED, for a reason that is ours; without end_time and revision."""
    _end(job, job_pb2.JOB_STATE_FAILED)
    job.ClearField("result")
    job.progress_percent = min(job.progress_percent, DONE_PERCENT - 1)
    job.failure.CopyFrom(failure)


def finish(job: Job, state: JobState.ValueType, now: Timestamp) -> None:
    """Brings a job to its terminal state: end_time, stages and revision."""
    _end(job, state)
    job.end_time.CopyFrom(now)
    job.revision += 1


def _end(job: Job, state: JobState.ValueType) -> None:
    job.state = state
    for stage in job.stages:
        if is_terminal(stage.state):
            continue
        # A stage that never began did not fail: it was left out.
        began = stage.state == job_pb2.JOB_STATE_RUNNING
        succeeded = state == job_pb2.JOB_STATE_SUCCEEDED
        stage.state = state if began or succeeded else job_pb2.JOB_STATE_CANCELLED
        if succeeded:
            stage.progress_percent = DONE_PERCENT
