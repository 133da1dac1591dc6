"""What a stitch does next. Pure: the world goes in, the job and at most one command come out.

    ingest ──▶ analyze ──▶ timeline ──▶ render ──▶ SUCCEEDED

Each call moves as far as the world allows. So it doesn't matter what woke it, who calls, or how
often: a crash between two steps is repaired by calling again.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import Job, JobStage
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway.jobs.apply import fail, finish
from beatstitch_gateway.stitch.failures import failure_of, failure_of_child
from beatstitch_gateway.stitch.stages import ANALYZE, INGEST, RENDER, TIMELINE, overall_percent
from beatstitch_gateway.stitch.world import (
    CancelChildren,
    Command,
    StartChild,
    World,
    wanted_assets,
)

_DONE = 100
_SKIPPED_SHOWN = 3


def advance(before: Job, world: World) -> tuple[Job, Command | None]:
    """Moves a stitch as far as it goes.

    Returns:
        The job (the same object when nothing changed) and what has to be done now. After
        StartChild the caller notes the child by `started` and calls again.
    """
    if is_terminal(before.state):
        return before, None
    job = Job()
    job.CopyFrom(before)
    command = _Step(job, world).run()
    if not is_terminal(job.state):
        job.progress_percent = max(job.progress_percent, overall_percent(job.stages))
    if job == before:
        return before, command
    if not is_terminal(job.state):
        job.revision = before.revision + 1
    return job, command


def started(before: Job, stage_name: str, child_id: str) -> Job:
    """The stitch after a stage's job was made."""
    job = Job()
    job.CopyFrom(before)
    _stage(job, stage_name).job_ids.append(child_id)
    job.revision += 1
    return job


def failed(before: Job, failure: Failure, now: Timestamp) -> Job:
    """The stitch after something that it can't go on without."""
    job = Job()
    job.CopyFrom(before)
    _fail(job, failure, now)
    return job


@dataclass
class _Step:
    job: Job
    world: World

    def run(self) -> Command | None:
        if self.job.cancel_requested:
            return self._cancel()
        if self.job.state == job_pb2.JOB_STATE_PENDING:
            self.job.state = job_pb2.JOB_STATE_RUNNING
            self.job.start_time.CopyFrom(self.world.now)
        if not self._ingest():
            return None
        for name, make in (
            (ANALYZE, self._analyze),
            (TIMELINE, self._timeline),
            (RENDER, self._render),
        ):
            stage = self._enter(name)
            if stage.state == job_pb2.JOB_STATE_SUCCEEDED:
                continue
            if not stage.job_ids:
                command = make(stage)
                if command is not None:
                    return command
                continue
            if not self._child_succeeded(stage):
                return None
        self._succeed()
        return None

    def _cancel(self) -> Command | None:
        running = [child for child in self.world.children.values() if not is_terminal(child.state)]
        if not running:
            finish(self.job, job_pb2.JOB_STATE_CANCELLED, self.world.now)
            return None
        untold = tuple(sorted(child.id for child in running if not child.cancel_requested))
        return CancelChildren(untold) if untold else None

    def _ingest(self) -> bool:
        stage = self._enter(INGEST)
        if stage.state == job_pb2.JOB_STATE_SUCCEEDED:
            return True
        wanted = wanted_assets(self.world.request)
        needed = wanted.keys() - {*self.world.request.media_asset_ids}
        ready, skipped = 0, []
        for asset_id in wanted:
            asset = self.world.assets.get(asset_id)
            failure = failure_of(asset, asset_id)
            if failure is not None:
                if asset_id in needed or not self.world.request.skip_failed_media:
                    _fail(self.job, failure, self.world.now)
                    return False
                skipped.append(asset.filename if asset is not None else asset_id)
            elif asset is not None and asset.state == asset_pb2.ASSET_STATE_READY:
                ready += 1
        settled = ready + len(skipped)
        stage.detail = _ingest_detail(ready, len(wanted), skipped)
        stage.progress_percent = settled * _DONE // len(wanted)
        if settled < len(wanted):
            return False
        if ready <= len(needed):
            error = BeatStitchError(
                failure_pb2.ERROR_REASON_NO_READY_MEDIA, "no picture or clip could be used"
            )
            _fail(self.job, error.to_failure(), self.world.now)
            return False
        self._leave(stage)
        return True

    def _usable(self) -> tuple[str, ...]:
        # Looked up again at each stage: what was skipped at the ingest stays out.
        return tuple(
            asset_id
            for asset_id in self.world.request.media_asset_ids
            if (asset := self.world.assets.get(asset_id)) is not None
            and asset.state == asset_pb2.ASSET_STATE_READY
        )

    def _analyze(self, stage: JobStage) -> Command | None:
        if self.world.request.HasField("analysis"):
            return StartChild(ANALYZE)
        stage.detail = "as found when the song was uploaded"
        self._leave(stage)
        return None

    def _timeline(self, _stage: JobStage) -> Command | None:
        return StartChild(TIMELINE, media_ids=self._usable())

    def _render(self, _stage: JobStage) -> Command | None:
        built = self._child(TIMELINE)
        return StartChild(RENDER, timeline_id=built.timeline_build.timeline_id if built else "")

    def _child(self, stage_name: str) -> Job | None:
        ids = _stage(self.job, stage_name).job_ids
        return self.world.children.get(ids[-1]) if ids else None

    def _child_succeeded(self, stage: JobStage) -> bool:
        child = self.world.children.get(stage.job_ids[-1])
        if child is not None and child.state == job_pb2.JOB_STATE_SUCCEEDED:
            self._leave(stage)
            return True
        if child is None or is_terminal(child.state):
            _fail(self.job, failure_of_child(stage.name, child), self.world.now)
        return False

    def _enter(self, name: str) -> JobStage:
        stage = _stage(self.job, name)
        if stage.state == job_pb2.JOB_STATE_PENDING:
            stage.state = job_pb2.JOB_STATE_RUNNING
            stage.start_time.CopyFrom(self.world.now)
        return stage

    def _leave(self, stage: JobStage) -> None:
        stage.state = job_pb2.JOB_STATE_SUCCEEDED
        stage.progress_percent = _DONE
        stage.end_time.CopyFrom(self.world.now)

    def _succeed(self) -> None:
        result = self.job.stitch
        result.project_id = self.job.project_id
        analysis = self._child(ANALYZE)
        if analysis is not None:
            result.analysis.CopyFrom(analysis.beat_analysis)
        elif self.world.analysis is not None:
            result.analysis.CopyFrom(self.world.analysis)
        for name, target in ((TIMELINE, result.timeline), (RENDER, result.render)):
            child = self._child(name)
            if child is not None:
                made = child.timeline_build if name == TIMELINE else child.render
                target.MergeFrom(made)  # type: ignore[arg-type]
        self.job.progress_percent = _DONE
        self.job.detail = ""
        finish(self.job, job_pb2.JOB_STATE_SUCCEEDED, self.world.now)


def _stage(job: Job, name: str) -> JobStage:
    return next(stage for stage in job.stages if stage.name == name)


def _fail(job: Job, failure: Failure, now: Timestamp) -> None:
    for stage in job.stages:
        if stage.state == job_pb2.JOB_STATE_RUNNING:
            stage.end_time.CopyFrom(now)
    fail(job, failure)
    finish(job, job_pb2.JOB_STATE_FAILED, now)


def _ingest_detail(ready: int, wanted: int, skipped: list[str]) -> str:
    text = f"{ready} of {wanted} ready"
    if skipped:
        names = ", ".join(skipped[:_SKIPPED_SHOWN])
        more = len(skipped) - _SKIPPED_SHOWN
        text += f", left out: {names}" + (f" and {more} more" if more > 0 else "")
    return text
