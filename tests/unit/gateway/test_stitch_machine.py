"""The stitch as a state machine: worlds in, commands out."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import BeatAnalysisResult, Job, RenderResult, TimelineBuildResult
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch_core.job_states import TERMINAL
from beatstitch_gateway.stitch.machine import advance, failed, started
from beatstitch_gateway.stitch.stages import new_stages
from beatstitch_gateway.stitch.world import CancelChildren, StartChild, World

PENDING = job_pb2.JOB_STATE_PENDING
RUNNING = job_pb2.JOB_STATE_RUNNING
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
FAILED = job_pb2.JOB_STATE_FAILED
CANCELLED = job_pb2.JOB_STATE_CANCELLED
READY = asset_pb2.ASSET_STATE_READY
PROCESSING = asset_pb2.ASSET_STATE_PROCESSING
BROKEN = asset_pb2.ASSET_STATE_FAILED
NOW = Timestamp(seconds=100)


def stitch() -> Job:
    return Job(
        id="s",
        project_id="p",
        type=job_pb2.JOB_TYPE_STITCH,
        state=PENDING,
        stages=new_stages(),
        revision=1,
    )


def world(states: dict[str, int] | None = None, children=(), **fields) -> World:
    states = {"song": READY, "a": READY, "b": READY} if states is None else states
    return World(
        request=StitchRequest(
            project_id="p", audio_asset_id="song", media_asset_ids=["a", "b"], **fields
        ),
        assets={
            name: Asset(
                id=name,
                filename=f"{name}.x",
                state=state,
                failure=Failure(reason=27) if state == BROKEN else None,
            )
            for name, state in states.items()
        },
        analysis=BeatAnalysisResult(bpm=120),
        children={child.id: child for child in children},
        now=NOW,
    )


def child(name: str, state: int = RUNNING, **fields) -> Job:
    return Job(id=name, state=state, **fields)


def test_waits_for_the_ingest():
    job, command = advance(stitch(), world({"song": READY, "a": PROCESSING, "b": READY}))
    assert command is None
    assert job.state == RUNNING
    assert job.stages[0].state == RUNNING
    assert job.stages[0].progress_percent == 66
    assert job.start_time == NOW
    same, command = advance(job, world({"song": READY, "a": PROCESSING, "b": READY}))
    assert same is job
    assert command is None


def test_goes_through_all_stages():
    job, command = advance(stitch(), world())
    assert command == StartChild("timeline", media_ids=("a", "b"))
    assert job.stages[1].state == SUCCEEDED
    job = started(job, "timeline", "t")
    built = child("t", SUCCEEDED, timeline_build=TimelineBuildResult(timeline_id="tl"))
    job, command = advance(job, world(children=[built]))
    assert command == StartChild("render", timeline_id="tl")
    job = started(job, "render", "r")
    waiting, command = advance(job, world(children=[built, child("r")]))
    assert command is None
    assert waiting.state == RUNNING
    rendered = child("r", SUCCEEDED, render=RenderResult(frame_count=9))
    done, command = advance(waiting, world(children=[built, rendered]))
    assert command is None
    assert done.state == SUCCEEDED
    assert done.progress_percent == 100
    assert done.stitch.analysis.bpm == 120
    assert done.stitch.timeline.timeline_id == "tl"
    assert done.stitch.render.frame_count == 9
    assert done.end_time == NOW


def test_analyses_when_it_is_told_how():
    fields = {"analysis": AnalysisSettings(analyzer=2)}
    job, command = advance(stitch(), world(**fields))
    assert command == StartChild("analyze")
    job = started(job, "analyze", "a1")
    found = child("a1", SUCCEEDED, beat_analysis=BeatAnalysisResult(bpm=99))
    job, command = advance(job, world(children=[found], **fields))
    assert command == StartChild("timeline", media_ids=("a", "b"))


def test_media_that_failed():
    states = {"song": READY, "a": BROKEN, "b": READY}
    job, command = advance(stitch(), world(states))
    assert job.state == FAILED
    assert command is None
    assert job.failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT
    assert job.failure.metadata["asset_id"] == "a"
    assert job.stages[0].end_time == NOW
    job, command = advance(stitch(), world(states, skip_failed_media=True))
    assert command == StartChild("timeline", media_ids=("b",))
    assert job.stages[0].detail == "2 of 3 ready, left out: a.x"
    nothing = {"song": READY, "a": BROKEN}
    job, _ = advance(stitch(), world(nothing, skip_failed_media=True))
    assert job.failure.reason == failure_pb2.ERROR_REASON_NO_READY_MEDIA
    song = {"song": BROKEN, "a": READY, "b": READY}
    job, _ = advance(stitch(), world(song, skip_failed_media=True))
    assert job.state == FAILED


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (child("t", FAILED, failure=Failure(reason=13)), failure_pb2.ERROR_REASON_TOO_FEW_BEATS),
        (child("t", CANCELLED), failure_pb2.ERROR_REASON_STAGE_FAILED),
        (None, failure_pb2.ERROR_REASON_STAGE_FAILED),
    ],
)
def test_a_stage_that_ends_badly(end, reason):
    job, _ = advance(stitch(), world())
    job = started(job, "timeline", "t")
    job, command = advance(job, world(children=[end] if end else []))
    assert command is None
    assert job.state == FAILED
    assert job.failure.reason == reason


def test_cancel_waits_for_the_children():
    job, _ = advance(stitch(), world())
    job = started(job, "timeline", "t")
    job.cancel_requested = True
    job, command = advance(job, world(children=[child("t")]))
    assert command == CancelChildren(("t",))
    told = child("t", cancel_requested=True)
    assert advance(job, world(children=[told]))[1] is None
    job, command = advance(job, world(children=[child("t", CANCELLED)]))
    assert job.state == CANCELLED
    assert [stage.state for stage in job.stages] == [
        SUCCEEDED,
        SUCCEEDED,
        CANCELLED,
        CANCELLED,
    ]


def test_what_can_not_be_started_fails_it():
    job, _ = advance(stitch(), world())
    ended = failed(job, Failure(reason=14), NOW)
    assert ended.state == FAILED
    assert ended.revision == job.revision + 1


def check_step(before: Job, after: Job, command: object) -> None:
    if before.state in TERMINAL:
        assert after is before
        assert command is None
    assert after.revision == before.revision + (after is not before)
    assert after.progress_percent >= before.progress_percent
    assert (after.progress_percent == 100) == (after.state == SUCCEEDED)
    ended = [stage.state in TERMINAL for stage in after.stages]
    assert ended == sorted(ended, reverse=True)


asset_states = st.sampled_from([PROCESSING, READY, BROKEN, None])
child_states = st.sampled_from([PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED])


@given(
    steps=st.lists(
        st.tuples(asset_states, asset_states, asset_states, child_states, st.booleans()),
        max_size=12,
    ),
    skip=st.booleans(),
    analyse=st.booleans(),
)
def test_whatever_the_world_does(steps, skip, analyse):
    fields = {"skip_failed_media": skip}
    if analyse:
        fields["analysis"] = AnalysisSettings(analyzer=1)
    job, children = stitch(), {}
    for song, a, b, state, cancel in steps:
        states = {n: s for n, s in (("song", song), ("a", a), ("b", b)) if s is not None}
        for item in children.values():
            if item.state not in TERMINAL:
                item.state = state
        if cancel and job.state not in TERMINAL and not job.cancel_requested:
            job.cancel_requested = True
            job.revision += 1
        for _ in range(6):
            after, command = advance(job, world(states, children.values(), **fields))
            check_step(job, after, command)
            job = after
            if command is None:
                break
            if isinstance(command, StartChild):
                # Never two jobs for one stage.
                assert command.stage not in {item.detail for item in children.values()}
                name = f"c{len(children)}"
                children[name] = child(name, PENDING, detail=command.stage)
                job = started(job, command.stage, name)
            else:
                for name in command.job_ids:
                    children[name].cancel_requested = True
        else:
            pytest.fail("it never comes to rest")
