"""What was promised to customers, and what they saw."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beatstitch.v1 import job_pb2
from beatstitch_core.job_states import is_terminal, may_become

if TYPE_CHECKING:
    from beatstitch.v1.job_pb2 import Job, JobState
    from support.chaos.recipes import Recipe

S = job_pb2
CANCELLABLE = frozenset({S.JOB_STATE_CANCELLED, S.JOB_STATE_SUCCEEDED})


@dataclass
class Promise:
    """One accepted job.

    Attributes:
        ends: States that are right for it at its end.
        recipe: What video it makes, if any.
        seen: The states that customers saw, in order, over all their streams.
    """

    ends: frozenset[JobState.ValueType]
    recipe: Recipe | None = None
    seen: list[JobState.ValueType] = field(default_factory=list)


@dataclass
class Line:
    """What one cursor of WatchJobs told, over however many streams.

    Attributes:
        name: For messages.
        jobs: Of which it has to tell; None for all that were accepted.
        ends: The jobs that it told in a terminal state, as often as it did.
        late: Jobs of which it told something else after their end.
        streams: How many streams it took.
    """

    name: str
    jobs: frozenset[str] | None = None
    ends: dict[str, list[Job]] = field(default_factory=lambda: defaultdict(list))
    late: list[str] = field(default_factory=list)
    streams: int = 0

    def saw(self, job: Job) -> None:
        """It told of a job."""
        if is_terminal(job.state):
            self.ends[job.id].append(job)
        elif job.id in self.ends:
            self.late.append(job.id)


@dataclass
class Ledger:
    """All of a run.

    Attributes:
        projects: Accepted projects.
        jobs: Accepted jobs by id.
        uploads: SHA-256 of each accepted file by its asset.
        renders: SHA-256 that the API told, by recipe.
        lines: Cursors of WatchJobs.
        wrong: What must not have happened, in words.
        passing: Errors that callers may see while something is away, by reason.
        lost: Calls whose answer nobody waited for.
    """

    projects: set[str] = field(default_factory=set)
    jobs: dict[str, Promise] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    renders: dict[Recipe, set[str]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    passing: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def line(self, name: str, jobs: frozenset[str] | None = None) -> Line:
        """A new cursor."""
        self.lines.append(Line(name, jobs))
        return self.lines[-1]

    def accept(
        self,
        job: Job,
        *ends: JobState.ValueType,
        recipe: Recipe | None = None,
    ) -> None:
        """A job was accepted and has to come to one of these ends (SUCCEEDED when not said)."""
        wanted = frozenset(ends or {S.JOB_STATE_SUCCEEDED})
        self.jobs.setdefault(job.id, Promise(wanted, recipe))
        self.saw(job)

    def allow(self, job_id: str, ends: frozenset[JobState.ValueType]) -> None:
        """Somebody asks for another end of a job."""
        self.jobs[job_id].ends = ends

    def saw(self, job: Job) -> None:
        """A customer was told of a job's state."""
        seen = self.jobs[job.id].seen
        if seen and seen[-1] == job.state:
            return
        if seen and not may_become(seen[-1], job.state):
            # A reply that was remembered for its request_id may be older than what a watch told.
            if not is_terminal(seen[-1]):
                return
            if is_terminal(job.state):
                self.wrong.append(f"job {job.id} ended twice: {seen[-1]}, then {job.state}")
            return
        seen.append(job.state)

    def made(self, recipe: Recipe, sha256: str) -> None:
        """A render of a recipe is done."""
        self.renders.setdefault(recipe, set()).add(sha256)
