"""Events and jobs, without a socket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from beatstitch.internal.v1.job_event_pb2 import (
    ChunkFinished,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobProgress,
    JobStarted,
    JobSucceeded,
    RenderOutput,
    TimelineBuildOutput,
)
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import Job, JobStage, RenderResult
from beatstitch_core.job_states import TERMINAL
from beatstitch_gateway.jobs.apply import apply_event
from beatstitch_gateway.jobs.merge import merge_progress
from beatstitch_gateway.stitch.stages import new_stages

PENDING = job_pb2.JOB_STATE_PENDING
RUNNING = job_pb2.JOB_STATE_RUNNING
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
FAILED = job_pb2.JOB_STATE_FAILED
CANCELLED = job_pb2.JOB_STATE_CANCELLED
TIMELINE = job_pb2.JOB_TYPE_TIMELINE_BUILD

BUILT = JobSucceeded(timeline_build=TimelineBuildOutput(edl=ObjectRef(sha256="e"), segment_count=4))


def job(**fields) -> Job:
    return Job(**{"id": "j", "type": TIMELINE, "state": PENDING, "revision": 1, **fields})


def event(seconds: int = 5, **fields) -> JobEvent:
    made = JobEvent(**{"job_id": "j", "type": TIMELINE, "delivery": 1, **fields})
    made.time.seconds = seconds
    return made


STARTED = event(started=JobStarted())
DONE = event(9, succeeded=BUILT)
BROKEN = event(9, failed=JobFailed(failure=Failure(reason=1, message="why")))
STOPPED = event(9, cancelled=JobCancelled())


def test_the_usual_life():
    running = apply_event(job(), STARTED)
    assert running is not None
    assert (running.state, running.revision, running.delivery) == (RUNNING, 2, 1)
    assert running.start_time.seconds == 5
    done = apply_event(running, DONE)
    assert done is not None
    assert (done.state, done.revision, done.progress_percent) == (SUCCEEDED, 3, 100)
    assert done.timeline_build.edl_hash == "e"
    assert done.timeline_build.segment_count == 4
    assert (done.start_time.seconds, done.end_time.seconds) == (5, 9)


def test_the_input_is_not_touched():
    before = job()
    apply_event(before, DONE)
    assert before == job()


def test_an_end_without_a_beginning_counts():
    done = apply_event(job(), BROKEN)
    assert done is not None
    assert done.state == FAILED
    assert done.failure.message == "why"


def test_a_second_delivery_keeps_the_first_start():
    running = apply_event(job(), STARTED)
    assert running is not None
    assert apply_event(running, STARTED) is None
    again = apply_event(running, event(7, started=JobStarted(), delivery=2))
    assert again is not None
    assert again.delivery == 2
    assert again.start_time.seconds == 5
    assert apply_event(again, STARTED) is None


def test_pieces_are_nobodys_business_here():
    assert apply_event(job(), event(chunk_finished=ChunkFinished(chunk_hash="c"))) is None
    assert apply_event(job(), JobEvent(job_id="j")) is None


def test_another_kind_of_output_is_a_failure():
    wrong = JobSucceeded(render=RenderOutput(result=RenderResult(frame_count=1)))
    done = apply_event(job(), event(succeeded=wrong))
    assert done is not None
    assert done.state == FAILED
    assert done.failure.reason == failure_pb2.ERROR_REASON_INTERNAL
    assert done.WhichOneof("result") is None


def test_stages_end_with_the_job():
    stages = [
        JobStage(name="plan", state=SUCCEEDED),
        JobStage(name="chunks", state=RUNNING),
        JobStage(name="verify", state=PENDING),
    ]
    running = job(state=RUNNING, stages=stages)
    failed = apply_event(running, BROKEN)
    done = apply_event(running, DONE)
    assert failed is not None
    assert done is not None
    assert [s.state for s in failed.stages] == [SUCCEEDED, FAILED, CANCELLED]
    assert {s.state for s in done.stages} == {SUCCEEDED}


@given(st.lists(st.sampled_from([STARTED, DONE, BROKEN, STOPPED]), max_size=8))
def test_no_terminal_state_is_ever_left(events):
    now = job()
    for item in events:
        after = apply_event(now, item)
        if now.state in TERMINAL:
            assert after is None
        if after is not None:
            assert after.revision == now.revision + 1
            now = after
    first = next((e.WhichOneof("event") for e in events if e != STARTED), None)
    expected = {"succeeded": SUCCEEDED, "failed": FAILED, "cancelled": CANCELLED}
    assert now.state == expected.get(first, RUNNING if events else PENDING)


def test_progress_is_merged_while_it_counts():
    told = JobProgress(job_id="j", progress_percent=100, detail="d", delivery=1)
    running = job(state=RUNNING, delivery=1)
    merged = merge_progress(running, lambda _id: told)
    assert (merged.progress_percent, merged.detail) == (99, "d")
    assert running.progress_percent == 0
    assert merge_progress(job(state=RUNNING, delivery=2), lambda _id: told).detail == ""
    done = job(state=SUCCEEDED, progress_percent=100)
    assert merge_progress(done, lambda _id: told) is done


def test_a_stitch_shows_its_childs_progress():
    stitch = job(type=job_pb2.JOB_TYPE_STITCH, state=RUNNING, stages=new_stages())
    for stage in stitch.stages[:3]:
        stage.state, stage.progress_percent = SUCCEEDED, 100
    stitch.stages[3].state = RUNNING
    stitch.stages[3].job_ids.append("child")
    told = {"child": JobProgress(job_id="child", progress_percent=50, detail="half")}
    merged = merge_progress(stitch, told.get)
    assert merged.stages[3].progress_percent == 50
    assert merged.progress_percent == 30 + 35
    assert merged.detail == "half"
