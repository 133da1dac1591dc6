"""What is told of a job's end, and to which webhooks. Pure."""

from __future__ import annotations

import json

from google.protobuf.json_format import MessageToDict

from beatstitch.v1.job_pb2 import Job, JobState
from beatstitch.v1.webhook_pb2 import Webhook, WebhookEvent
from beatstitch_core.ids import new_id

PING = "ping"


def end_of(job: Job) -> WebhookEvent:
    """The event of a job that has ended; its id is the same whoever makes it."""
    state = JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
    event = WebhookEvent(id=f"end-{job.id}", type=f"job.{state}", job=job)
    event.time.CopyFrom(job.end_time)
    return event


def ping() -> WebhookEvent:
    """An event that says nothing."""
    event = WebhookEvent(id=f"{PING}-{new_id()}", type=PING)
    event.time.GetCurrentTime()
    return event


def wants(webhook: Webhook, job: Job) -> bool:
    """Whether a webhook is told of a job's end."""
    if webhook.disabled or (webhook.project_id and webhook.project_id != job.project_id):
        return False
    if webhook.states and job.state not in webhook.states:
        return False
    return job.type in webhook.types if webhook.types else not job.parent_job_id


def body_of(event: WebhookEvent) -> bytes:
    """What is sent: proto3 JSON."""
    return json.dumps(MessageToDict(event), separators=(",", ":")).encode()
