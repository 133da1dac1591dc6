"""The chaos suite's audit can fail: a good ledger passes, each bad one is told by what is bad."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.chaos import verdict
from support.chaos.ledger import CANCELLABLE, Ledger, Line
from support.chaos.recipes import Recipe
from support.receiver import Received

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job

S = job_pb2
SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
RECIPE = Recipe(song=0, media=(1,), beats_per_cut=2, seed=3)
OUTSIDER = "nobody's"


def post(job: Job, event_id: str = "", secret: str = SECRET, header: str = "") -> Received:
    """A webhook's request, signed by the standard."""
    name = event_id or f"end-{job.id}"
    told = {"id": job.id, "state": S.JobState.Name(job.state)}
    kind = told["state"].removeprefix("JOB_STATE_").lower()
    body = json.dumps({"id": name, "type": f"job.{kind}", "job": told}).encode()
    stamp, key = "1700000000", base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([(header or name).encode(), stamp.encode(), body])
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    headers = {
        "webhook-id": header or name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return Received("/hook", headers, body)


class Run:
    """A run in which all went well: "a" succeeded, "b" was cancelled, "c" failed as it had to."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.jobs = {
            "a": Job(id="a", state=S.JOB_STATE_SUCCEEDED, revision=3),
            "b": Job(id="b", state=S.JOB_STATE_CANCELLED, revision=2),
            "c": Job(id="c", state=S.JOB_STATE_FAILED, revision=4),
        }
        self.line = self.ledger.line("all")
        self.part = self.ledger.line("batch", frozenset({"a"}))
        for name, job in self.jobs.items():
            early = Job(id=name, state=S.JOB_STATE_PENDING)
            self.ledger.accept(early, recipe=RECIPE)
            self.line.saw(early)
            self.ledger.saw(job)
            self.line.saw(job)
        self.part.saw(self.jobs["a"])
        self.ledger.allow("b", CANCELLABLE)
        self.ledger.allow("c", frozenset({S.JOB_STATE_FAILED}))
        self.ledger.uploads = {"song": "1" * 64}
        self.ledger.made(RECIPE, "2" * 64)
        self.outputs = {"a": {b"video"}}
        # The first came twice.
        self.taken = [post(job) for job in (self.jobs["a"], *self.jobs.values())]
        self.rows = set(self.jobs)
        self.bytes = {"song": "1" * 64}

    def wrong(self) -> list[str]:
        """What the audit finds."""
        return [
            *self.ledger.wrong,
            *verdict.wrong_ends(self.ledger, self.jobs, self.outputs),
            *verdict.wrong_lines(self.ledger, self.jobs),
            *verdict.wrong_posts(self.ledger, self.jobs, self.taken, SECRET),
            *verdict.wrong_rows("job", self.ledger.jobs, self.rows),
            *verdict.wrong_bytes(self.ledger, self.bytes),
            *verdict.wrong_videos(self.ledger),
        ]


def job_is(name: str, state: S.JobState.ValueType) -> Callable[[Run], object]:
    return lambda run: run.jobs[name].MergeFrom(Job(state=state))


def a_ends_again(line: str, state: S.JobState.ValueType) -> Callable[[Run], object]:
    return lambda run: getattr(run, line).saw(Job(id="a", state=state, revision=9))


def unsigned(run: Run) -> None:
    run.taken[0] = replace(run.taken[0], body=run.taken[0].body + b" ")


BAD: dict[str, tuple[Callable[[Run], object], str]] = {
    "a job that succeeded against all odds": (job_is("c", S.JOB_STATE_SUCCEEDED), "c (0) is JOB_"),
    "a job that is still on its way": (job_is("a", S.JOB_STATE_RUNNING), "a (0) is JOB_STATE_RUN"),
    "a job that failed": (job_is("a", S.JOB_STATE_FAILED), "a (0) is JOB_STATE_FAILED"),
    "a job that is gone": (lambda run: run.jobs.pop("a"), "job a is gone"),
    "a watcher that was told another end": (
        lambda run: run.ledger.jobs["b"].seen.__setitem__(-1, S.JOB_STATE_SUCCEEDED),
        "b: a watcher saw JOB_STATE_SUCCEEDED, it is JOB_STATE_CANCELLED",
    ),
    "an end after the end": (
        lambda run: run.ledger.saw(Job(id="b", state=S.JOB_STATE_SUCCEEDED)),
        "job b ended twice",
    ),
    "two outputs": (lambda run: run.outputs["a"].add(b"another"), "a made two different things"),
    "two videos": (lambda run: run.ledger.made(RECIPE, "3" * 64), "2 different videos"),
    "an end that the cursor missed": (
        lambda run: run.line.ends.pop("b"),
        "all missed the end of b",
    ),
    "an end that a batch's cursor missed": (
        lambda run: run.part.ends.pop("a"),
        "batch missed the end of a",
    ),
    "an end told twice": (
        a_ends_again("line", S.JOB_STATE_SUCCEEDED),
        "all told 2 ends of a: JOB_STATE_SUCCEEDED 3, JOB_STATE_SUCCEEDED 9",
    ),
    "an end told twice, otherwise": (
        a_ends_again("part", S.JOB_STATE_FAILED),
        "batch told JOB_STATE_FAILED of a, which is not",
    ),
    "a change after the end": (
        a_ends_again("part", S.JOB_STATE_RUNNING),
        "batch told of a after its end",
    ),
    "another's job on a batch's cursor": (
        lambda run: run.part.saw(run.jobs["b"]),
        "batch told of b, which is not its own",
    ),
    "a cursor that never began": (
        lambda run: run.ledger.lines.append(Line("late")),
        "late missed the end of c",
    ),
    "no webhook": (lambda run: run.taken.pop(), "no webhook told the end of c"),
    "two events of one end": (
        lambda run: run.taken.append(post(run.jobs["a"], "end-a-again")),
        "the end of a came as 2 events",
    ),
    "a webhook that lies": (
        lambda run: run.taken.append(post(Job(id="a", state=S.JOB_STATE_FAILED))),
        "a webhook told JOB_STATE_FAILED of a",
    ),
    "another's signature": (
        lambda run: run.taken.append(post(run.jobs["a"], secret=OTHER)),
        "the event end-a is not signed",
    ),
    "a body that isn't the signed one": (unsigned, "the event end-a is not signed"),
    "an id that isn't the event's": (
        lambda run: run.taken.append(post(run.jobs["a"], header="msg-1")),
        "the event end-a came as msg-1",
    ),
    "a webhook of nobody's job": (
        lambda run: run.taken.append(post(Job(id=OUTSIDER, state=S.JOB_STATE_FAILED))),
        "a webhook told of nobody's",
    ),
    "a call that happened twice": (lambda run: run.rows.add(OUTSIDER), "nobody's was made for n"),
    "a row that is lost": (lambda run: run.rows.discard("a"), "job a is lost"),
    "bytes that are others": (lambda run: run.bytes.update(song="0" * 64), "reads back otherwise"),
    "bytes that are gone": (lambda run: run.bytes.clear(), "song reads back otherwise: not at all"),
}


def test_a_good_run_passes():
    assert Run().wrong() == []


@pytest.mark.parametrize("name", BAD)
def test_the_audit_finds(name):
    harm, told = BAD[name]
    run = Run()
    harm(run)
    assert any(told in line for line in run.wrong()), run.wrong()
