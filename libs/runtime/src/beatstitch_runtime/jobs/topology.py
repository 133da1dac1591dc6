"""The streams and consumers of BeatStitch, declared once; manifests are tested against this.

`ensure_topology` brings a server to this shape and may be run by every process at every start: the
same declaration is accepted again by the server, a different one becomes an update.
"""

from __future__ import annotations

import logging

import nats.errors
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from beatstitch_runtime.jobs.subjects import (
    DEAD,
    DEAD_CONSUMER,
    DEAD_SUBJECTS,
    EVENT_SUBJECTS,
    EVENTS,
    EVENTS_CONSUMER,
    JOB_SUBJECTS,
    JOBS,
    LANES,
    QUEUED_TYPES,
    cancel_subject,
    changed_subject,
    consumer_name,
    event_subject,
    job_subject,
    progress_subject,
)
from beatstitch_runtime.settings import ServiceSettings

__all__ = [
    "DEAD",
    "DEAD_CONSUMER",
    "EVENTS",
    "EVENTS_CONSUMER",
    "JOBS",
    "cancel_subject",
    "changed_subject",
    "consumer_name",
    "consumers",
    "ensure_topology",
    "event_subject",
    "job_subject",
    "progress_subject",
    "streams",
]

log = logging.getLogger(__name__)

HOUR_S = 3600.0
DEDUPE_WINDOW_S = 600.0
EVENTS_PER_JOB = 10_000
EVENTS_BYTES = 512 * 1024 * 1024
DEAD_BYTES = 64 * 1024 * 1024
# Can't be changed later: one for each waiting worker slot of the cluster.
MAX_WAITING = 4096

_STREAM_EXISTS_OTHERWISE = 10058


def streams(settings: ServiceSettings) -> list[api.StreamConfig]:
    """The streams as they are to be."""
    declared = [
        api.StreamConfig(
            name=JOBS,
            subjects=[JOB_SUBJECTS],
            retention=api.RetentionPolicy.WORK_QUEUE,
            discard=api.DiscardPolicy.NEW,
            max_msgs=settings.jobs_max_messages,
            max_bytes=settings.jobs_max_bytes,
        ),
        api.StreamConfig(
            name=EVENTS,
            subjects=[EVENT_SUBJECTS],
            retention=api.RetentionPolicy.LIMITS,
            discard=api.DiscardPolicy.OLD,
            max_age=24 * HOUR_S,
            max_bytes=EVENTS_BYTES,
            max_msgs_per_subject=EVENTS_PER_JOB,
        ),
        api.StreamConfig(
            name=DEAD,
            subjects=list(DEAD_SUBJECTS),
            retention=api.RetentionPolicy.LIMITS,
            discard=api.DiscardPolicy.OLD,
            max_age=30 * 24 * HOUR_S,
            max_bytes=DEAD_BYTES,
        ),
    ]
    return [
        stream.evolve(
            storage=api.StorageType.FILE,
            num_replicas=settings.jobs_replicas,
            duplicate_window=DEDUPE_WINDOW_S,
            allow_direct=True,
        )
        for stream in declared
    ]


def consumers(settings: ServiceSettings) -> list[tuple[str, api.ConsumerConfig]]:
    """The durable pull consumers as they are to be, each with its stream."""
    jobs = [
        (
            JOBS,
            api.ConsumerConfig(
                name=consumer_name(job_type, lane),
                durable_name=consumer_name(job_type, lane),
                filter_subject=job_subject(job_type, lane),
                ack_policy=api.AckPolicy.EXPLICIT,
                # No `backoff`: it would silently replace ack_wait.
                ack_wait=settings.ack_wait_s,
                max_deliver=settings.max_deliver,
                max_ack_pending=settings.max_ack_pending,
                max_waiting=MAX_WAITING,
            ),
        )
        for job_type in QUEUED_TYPES
        for lane in LANES
    ]
    gateway = [
        (
            stream,
            api.ConsumerConfig(
                name=name,
                durable_name=name,
                ack_policy=api.AckPolicy.EXPLICIT,
                ack_wait=30.0,
                max_deliver=-1,
                max_ack_pending=1024,
                max_waiting=512,
            ),
        )
        for stream, name in ((EVENTS, EVENTS_CONSUMER), (DEAD, DEAD_CONSUMER))
    ]
    return jobs + gateway


async def ensure_topology(js: JetStreamContext, settings: ServiceSettings) -> None:
    """Create what is missing, update what differs. Idempotent, and safe in many processes at once.

    Does nothing where the NATS user may not (`nats_narrow_rights`): others do it.

    Raises:
        nats.errors.Error: NATS is away, or refused a stream.
    """
    if settings.nats_narrow_rights:
        return
    for stream in streams(settings):
        try:
            await js.add_stream(stream)
        except APIError as error:
            if error.err_code != _STREAM_EXISTS_OTHERWISE:
                raise
            log.info("stream %s differs from its declaration: updating it", stream.name)
            try:
                await js.update_stream(stream)
            except nats.errors.TimeoutError:
                # So NATS says "not you": the gateway may make streams and not change them.
                log.warning("stream %s is not as declared; its operator changes it", stream.name)
    for stream_name, consumer in consumers(settings):
        try:
            await js.add_consumer(stream_name, consumer)
        except NotFoundError:
            raise
        except APIError as error:
            # Some settings (max_waiting) can't be changed; work with what is there.
            log.warning("consumer %s is not as declared: %s", consumer.name, error)
            await js.consumer_info(stream_name, consumer.name or "")
