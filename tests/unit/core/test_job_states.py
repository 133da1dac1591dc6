import pytest

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobState
from beatstitch_core.job_states import TERMINAL, is_terminal, may_become


@pytest.mark.parametrize("state", sorted(TERMINAL), ids=JobState.Name)
@pytest.mark.parametrize("target", JobState.values(), ids=JobState.Name)
def test_a_terminal_state_never_leaves(state, target):
    assert is_terminal(state)
    assert not may_become(state, target)


@pytest.mark.parametrize(
    "target", [job_pb2.JOB_STATE_RUNNING, *sorted(TERMINAL)], ids=JobState.Name
)
def test_a_queued_job_may_begin_or_end(target):
    assert may_become(job_pb2.JOB_STATE_PENDING, target)


def test_a_second_worker_may_begin_a_running_job_again():
    assert may_become(job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_RUNNING)


def test_a_running_job_never_waits_again():
    assert not may_become(job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_PENDING)
