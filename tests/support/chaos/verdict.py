"""What has to hold when the dust has settled. Pure: what was promised against what is there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from beatstitch.v1 import job_pb2
from beatstitch_core.job_states import is_terminal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from beatstitch.v1.job_pb2 import Job
    from support.chaos.ledger import Ledger
    from support.receiver import Received

State = job_pb2.JobState.Name


def wrong_ends(
    ledger: Ledger, jobs: Mapping[str, Job], outputs: Mapping[str, Collection[bytes]]
) -> list[str]:
    """Every accepted job came to one right end, is told so by all, and made one thing.

    Args:
        ledger: What was promised.
        jobs: The accepted jobs as the API tells them now.
        outputs: What the workers say that each made.
    """
    wrong = []
    for job_id, promise in ledger.jobs.items():
        job = jobs.get(job_id)
        if job is None:
            wrong.append(f"job {job_id} is gone")
            continue
        if job.state not in promise.ends:
            why = job.failure.message or job.detail
            wrong.append(f"job {job_id} ({job.type}) is {State(job.state)}: {why}")
        if is_terminal(promise.seen[-1]) and promise.seen[-1] != job.state:
            told, now = State(promise.seen[-1]), State(job.state)
            wrong.append(f"{job_id}: a watcher saw {told}, it is {now}")
    wrong += [
        f"job {job_id} made two different things"
        for job_id, made in outputs.items()
        if len(made) > 1
    ]
    return wrong


def wrong_lines(ledger: Ledger, jobs: Mapping[str, Job]) -> list[str]:
    """Each cursor told each of its jobs' ends exactly once, the right one, and nothing after it."""
    wrong = []
    for line in ledger.lines:
        due = ledger.jobs.keys() if line.jobs is None else line.jobs
        wrong += [f"{line.name} missed the end of {job_id}" for job_id in due - line.ends.keys()]
        if line.jobs is not None:
            strange = line.ends.keys() - line.jobs
            wrong += [f"{line.name} told of {job_id}, which is not its own" for job_id in strange]
        wrong += [f"{line.name} told of {job_id} after its end" for job_id in line.late]
        for job_id, told in line.ends.items():
            if len(told) > 1:
                changes = ", ".join(f"{State(job.state)} {job.revision}" for job in told)
                wrong.append(f"{line.name} told {len(told)} ends of {job_id}: {changes}")
            if job_id in jobs and told[-1].state != jobs[job_id].state:
                wrong.append(f"{line.name} told {State(told[-1].state)} of {job_id}, which is not")
    return wrong


def wrong_posts(
    ledger: Ledger, jobs: Mapping[str, Job], taken: Sequence[Received], secret: str
) -> list[str]:
    """Each end was told at least once, always under one id, signed, and as it is.

    Args:
        ledger: What was promised.
        jobs: The accepted jobs as the API tells them now.
        taken: The requests that the receiver answered with 2xx.
        secret: The webhook's.
    """
    wrong, ids = [], defaultdict[str, set[str]](set)
    for post in taken:
        event = post.event
        if not post.is_signed_with(secret):
            wrong.append(f"the event {event['id']} is not signed with the webhook's secret")
        if post.headers["webhook-id"] != event["id"]:
            wrong.append(f"the event {event['id']} came as {post.headers['webhook-id']}")
        if event["type"] == "ping":
            continue
        job_id, state = event["job"]["id"], event["job"]["state"]
        ids[job_id].add(event["id"])
        if job_id not in ledger.jobs:
            wrong.append(f"a webhook told of {job_id}, which nobody ordered")
        elif job_id in jobs and state != State(jobs[job_id].state):
            wrong.append(f"a webhook told {state} of {job_id}: {State(jobs[job_id].state)}")
    wrong += [f"no webhook told the end of {job_id}" for job_id in ledger.jobs.keys() - ids.keys()]
    wrong += [
        f"the end of {job_id} came as {len(found)} events"
        for job_id, found in ids.items()
        if len(found) > 1
    ]
    return wrong


def wrong_rows(what: str, promised: Collection[str], found: Collection[str]) -> list[str]:
    """What was accepted is there, and nothing that nobody was told of: no call happened twice."""
    lost, strange = set(promised) - set(found), set(found) - set(promised)
    wrong = [f"{what} {name} is lost" for name in sorted(lost)]
    return [*wrong, *(f"{what} {name} was made for nobody" for name in sorted(strange))]


def wrong_bytes(ledger: Ledger, found: Mapping[str, str]) -> list[str]:
    """Each accepted file reads back as it was sent; `found` has the SHA-256 of what is there."""
    return [
        f"the upload {asset_id} reads back otherwise: {found.get(asset_id, 'not at all')}"
        for asset_id, sha256 in ledger.uploads.items()
        if found.get(asset_id) != sha256
    ]


def wrong_videos(ledger: Ledger) -> list[str]:
    """Equal orders made equal bytes."""
    return [
        f"{recipe} was rendered to {len(made)} different videos"
        for recipe, made in ledger.renders.items()
        if len(made) > 1
    ]
