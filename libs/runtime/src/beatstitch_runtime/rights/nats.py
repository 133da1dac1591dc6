"""Subjects that each NATS user may publish to and listen on.

A job is a subject, so "may take render_chunk" and "may queue render_chunk" are two lines here. What
isn't named is refused, and with it every way to read or end what others work on: streams can't be
deleted, consumers not made, a job can't be overheard where it is published.
"""

from __future__ import annotations

from dataclasses import dataclass

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobType
from beatstitch_runtime.jobs.subjects import (
    CANCEL_SUBJECTS,
    CHANGED_SUBJECTS,
    DEAD,
    DEAD_CONSUMER,
    EVENT_SUBJECTS,
    EVENTS,
    EVENTS_CONSUMER,
    JOBS,
    LANES,
    PROGRESS_SUBJECTS,
    QUEUED_TYPES,
    consumer_name,
    job_subject,
)
from beatstitch_runtime.jobs.topology import consumers
from beatstitch_runtime.settings import ServiceSettings

API = "$JS.API"
GATEWAY, OPERATOR = "gateway", "operator"

# Whose jobs are whose.
TAKES: dict[str, tuple[JobType.ValueType, ...]] = {
    "analyzer": (job_pb2.JOB_TYPE_BEAT_ANALYSIS, job_pb2.JOB_TYPE_THUMBNAIL_GEN),
    "timeline": (job_pb2.JOB_TYPE_TIMELINE_BUILD,),
    "renderer": (
        job_pb2.JOB_TYPE_RENDER_PREVIEW,
        job_pb2.JOB_TYPE_RENDER_FINAL,
        job_pb2.JOB_TYPE_RENDER_CHUNK,
    ),
}


@dataclass(frozen=True, slots=True)
class NatsRights:
    """One user's rights: subjects, with NATS' wildcards, in order."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_prefix(user: str) -> str:
    """Where a user's answers come to: nobody else may listen there."""
    return f"_INBOX_{user}"


def nats_rights() -> dict[str, NatsRights]:
    """The rights of all users, by name: the services and "operator"."""
    workers = {name: _worker(name, types) for name, types in TAKES.items()}
    return {GATEWAY: _gateway(), **workers, OPERATOR: _operator()}


def _rights(user: str, publish: list[str], subscribe: list[str]) -> NatsRights:
    return NatsRights(
        tuple(sorted(publish)), tuple(sorted([*subscribe, f"{inbox_prefix(user)}.>"]))
    )


def _pull(stream: str, consumer: str) -> list[str]:
    """To take messages of one consumer and to say what became of them."""
    return [f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}", f"$JS.ACK.{stream}.{consumer}.>"]


def _worker(user: str, types: tuple[JobType.ValueType, ...]) -> NatsRights:
    publish = [
        f"{API}.STREAM.INFO.{JOBS}",  # whether a lease is still of this stream
        f"{API}.CONSUMER.INFO.{JOBS}.*",  # whether the streams are made; counts only
        EVENT_SUBJECTS,
        PROGRESS_SUBJECTS,
    ]
    subscribe = [CANCEL_SUBJECTS]
    for job_type in types:
        for lane in LANES:
            publish += _pull(JOBS, consumer_name(job_type, lane))
    if job_pb2.JOB_TYPE_RENDER_CHUNK in types:
        # A coordinator queues pieces and hears of them, on the subject of its own render.
        publish += [job_subject(job_pb2.JOB_TYPE_RENDER_CHUNK, lane) for lane in LANES]
        publish.append(f"{API}.DIRECT.GET.{EVENTS}.{EVENT_SUBJECTS}")
        subscribe.append(EVENT_SUBJECTS)
    return _rights(user, publish, subscribe)


def _gateway() -> NatsRights:
    publish = [
        *(job_subject(job_type, lane) for job_type in QUEUED_TYPES for lane in LANES),
        CANCEL_SUBJECTS,
        CHANGED_SUBJECTS,
        *_pull(EVENTS, EVENTS_CONSUMER),
        *_pull(DEAD, DEAD_CONSUMER),
        # To look at a queued job and to take it back: cancel, dead letters, the reconciler.
        f"{API}.STREAM.MSG.GET.{JOBS}",
        f"{API}.STREAM.MSG.DELETE.{JOBS}",
        f"{API}.DIRECT.GET.{JOBS}",
        f"{API}.CONSUMER.LIST.{JOBS}",
        *_makes(),
    ]
    return _rights(GATEWAY, publish, [PROGRESS_SUBJECTS, CHANGED_SUBJECTS])


def _operator() -> NatsRights:
    """Who prepares: makes streams and consumers, and changes them with a new release."""
    updates = [f"{API}.STREAM.UPDATE.{stream}" for stream in (JOBS, EVENTS, DEAD)]
    return _rights(OPERATOR, [*_makes(), *updates], [])


def _makes() -> list[str]:
    """To make what is missing. All of NATS' data may be lost, and the gateway makes it anew."""
    found = []
    for stream in (JOBS, EVENTS, DEAD):
        found += [f"{API}.STREAM.{verb}.{stream}" for verb in ("CREATE", "INFO")]
        found.append(f"{API}.CONSUMER.INFO.{stream}.*")
    for stream, consumer in consumers(ServiceSettings.model_construct()):
        # Only under its own name and filter: another one would hand out others' jobs.
        made = f"{API}.CONSUMER.CREATE.{stream}.{consumer.name}"
        found.append(f"{made}.{consumer.filter_subject}" if consumer.filter_subject else made)
    return found


def nats_config() -> str:
    """nats-server's `authorization` block. Passwords come from its environment."""
    users = []
    for user, rights in nats_rights().items():
        lines = "".join(
            f"      {verb}: [\n{_listed(subjects)}      ]\n"
            for verb, subjects in (("publish", rights.publish), ("subscribe", rights.subscribe))
        )
        head = f"      user: {user}\n      password: $NATS_PASSWORD_{user.upper()}\n"
        users.append(f"    {{\n{head}      permissions: {{\n{_indented(lines)}      }}\n    }}\n")
    return f"authorization {{\n  users: [\n{''.join(users)}  ]\n}}\n"


def nsc_commands(account: str) -> str:
    """The same as commands of NATS' `nsc`, for servers whose users are JWTs."""
    lines = []
    for user, rights in nats_rights().items():
        options = [f"--allow-pub {subject!r}" for subject in rights.publish]
        options += [f"--allow-sub {subject!r}" for subject in rights.subscribe]
        head = f"nsc add user --account {account} --name {user}"
        lines.append(" \\\n  ".join((head, *options)))
    return "\n".join(lines) + "\n"


def _listed(subjects: tuple[str, ...]) -> str:
    return "".join(f'        "{subject}"\n' for subject in subjects)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
