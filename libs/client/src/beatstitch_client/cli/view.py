"""Shows how far things are, on standard error: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobState, JobType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.v1.job_pb2 import Job

# Plain lines tell a stage's progress in steps of so many percent.
STEP_PERCENT = 25
_MARKS = {
    job_pb2.JOB_STATE_SUCCEEDED: "[green]✓[/]",
    job_pb2.JOB_STATE_FAILED: "[red]✗[/]",
    job_pb2.JOB_STATE_CANCELLED: "[yellow]–[/]",
    job_pb2.JOB_STATE_RUNNING: "[cyan]▸[/]",
}


COLUMNS = (
    TextColumn("{task.fields[mark]} {task.description:<10}"),
    BarColumn(bar_width=30),
    TextColumn("{task.percentage:>3.0f} %"),
    TimeElapsedColumn(),
    TextColumn("[dim]{task.fields[detail]}[/]"),
)


class View(Protocol):
    """Somewhere to show progress."""

    def stage(self, name: str, state: JobState.ValueType, percent: int, detail: str = "") -> None:
        """Shows how far a stage is; stages appear in the order of their first call."""


def show_job(view: View, job: Job) -> None:
    """Shows a job: its stages, or the job itself where it has none."""
    for stage in job.stages:
        view.stage(stage.name, stage.state, stage.progress_percent, stage.detail)
    if not job.stages:
        view.stage(type_name(job.type), job.state, job.progress_percent, job.detail)


def state_name(state: JobState.ValueType) -> str:
    """The state as people read it, for example "running"."""
    return JobState.Name(state).removeprefix("JOB_STATE_").lower()


def type_name(job_type: JobType.ValueType) -> str:
    """The type as people read it, for example "render_final"."""
    return JobType.Name(job_type).removeprefix("JOB_TYPE_").lower()


class Lines:
    """A line when something has happened."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, int]] = {}

    def stage(self, name: str, state: JobState.ValueType, percent: int, detail: str = "") -> None:
        """See `View.stage`."""
        step = percent // STEP_PERCENT
        if state == job_pb2.JOB_STATE_PENDING or self._told.get(name) == (int(state), step):
            return
        self._told[name] = (int(state), step)
        done = f" {percent} %" if state == job_pb2.JOB_STATE_RUNNING and percent else ""
        print(
            f"{name}: {state_name(state)}{done}{f' ({detail})' if detail else ''}",
            file=sys.stderr,
            flush=True,
        )


class Bars:
    """A bar for each stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def stage(self, name: str, state: JobState.ValueType, percent: int, detail: str = "") -> None:
        """See `View.stage`."""
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(
                name, total=100, start=False, mark=" ", detail=""
            )
        bar = self._bars[name]
        if state != job_pb2.JOB_STATE_PENDING:
            self._progress.start_task(bar)
        self._progress.update(
            bar, completed=percent, mark=_MARKS.get(state, " "), detail=escape(detail[:60])
        )
        if state in {
            job_pb2.JOB_STATE_SUCCEEDED,
            job_pb2.JOB_STATE_FAILED,
            job_pb2.JOB_STATE_CANCELLED,
        }:
            self._progress.stop_task(bar)


@contextmanager
def open_view() -> Iterator[View]:
    """Bars where a person looks on, lines in a log."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Progress(*COLUMNS, console=console) as progress:
        yield Bars(progress)
