"""The life of a job as a pure function: PENDING → RUNNING → SUCCEEDED | FAILED | CANCELLED.

Terminal states never leave, the first terminal event wins, and events may come twice or late.
"""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobState

TERMINAL: frozenset[JobState.ValueType] = frozenset(
    {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED}
)

_NEXT: dict[JobState.ValueType, frozenset[JobState.ValueType]] = {
    job_pb2.JOB_STATE_PENDING: TERMINAL | {job_pb2.JOB_STATE_RUNNING},
    job_pb2.JOB_STATE_RUNNING: TERMINAL | {job_pb2.JOB_STATE_RUNNING},
}


def is_terminal(state: JobState.ValueType) -> bool:
    """Whether the state is final."""
    return state in TERMINAL


def may_become(state: JobState.ValueType, target: JobState.ValueType) -> bool:
    """Whether an event may move a job from `state` to `target`."""
    return target in _NEXT.get(state, frozenset())
