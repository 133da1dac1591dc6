"""A job's row and the progress that its worker last told, as one job. Pure.

Progress is not stored: it comes twice a second from each worker and is forgotten when the job ends.
"""

from __future__ import annotations

from collections.abc import Callable

from beatstitch.internal.v1.job_event_pb2 import JobProgress
from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway.stitch.stages import overall_percent

MOST_PERCENT = 99  # 100 is said by the terminal state only

ProgressOf = Callable[[str], JobProgress | None]


def merge_progress(job: Job, progress_of: ProgressOf) -> Job:
    """The job with the newest progress of its own, or for a stitch of its children, in it."""
    if is_terminal(job.state):
        return job
    if job.type == job_pb2.JOB_TYPE_STITCH:
        return _merge_children(job, progress_of)
    progress = progress_of(job.id)
    if progress is None or progress.delivery < job.delivery:
        return job
    merged = Job()
    merged.CopyFrom(job)
    merged.progress_percent = min(progress.progress_percent, MOST_PERCENT)
    merged.detail = progress.detail
    del merged.stages[:]
    merged.stages.extend(progress.stages)
    return merged


def _merge_children(job: Job, progress_of: ProgressOf) -> Job:
    merged = Job()
    merged.CopyFrom(job)
    for stage in merged.stages:
        if stage.state != job_pb2.JOB_STATE_RUNNING or not stage.job_ids:
            continue
        progress = progress_of(stage.job_ids[-1])
        if progress is not None:
            stage.progress_percent = min(progress.progress_percent, MOST_PERCENT)
            stage.detail = progress.detail
            merged.detail = progress.detail or merged.detail
    merged.progress_percent = max(job.progress_percent, overall_percent(merged.stages))
    return merged
