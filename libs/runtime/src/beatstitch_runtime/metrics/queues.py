"""What waits in JetStream: asked when Prometheus asks, never on a job's way.

Every gateway replica tells the same numbers: take the maximum over replicas, not the sum.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from nats.js import api
from nats.js.errors import NotFoundError

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.subjects import (
    DEAD,
    EVENTS,
    EVENTS_CONSUMER,
    JOBS,
    LANES,
    QUEUED_TYPES,
    consumer_name,
    job_subject,
    lane_name,
    type_name,
)
from beatstitch_runtime.metrics.declare import gauge

_LABELS = ("type", "lane")
_depth = gauge("beatstitch_queue_depth", "Jobs that wait for their first hand-out.", _LABELS)
_age = gauge(
    "beatstitch_queue_oldest_age_seconds",
    "How long the oldest job waits for its first hand-out, seconds; 0 when none does.",
    _LABELS,
)
_out = gauge(
    "beatstitch_queue_handed_out", "Jobs handed out and not settled, paused retries too.", _LABELS
)
_again = gauge(
    "beatstitch_queue_redelivered", "Jobs handed out more than once and not settled.", _LABELS
)
_pullers = gauge(
    "beatstitch_queue_waiting_pulls", "Workers' requests that wait for a job.", _LABELS
)
_messages = gauge("beatstitch_stream_messages", "Messages in a stream.", ("stream",))
_bytes = gauge("beatstitch_stream_bytes", "Bytes in a stream.", ("stream",))
_limit = gauge("beatstitch_stream_limit_messages", "Most messages a stream takes.", ("stream",))
_events = gauge("beatstitch_events_pending", "Workers' facts that no gateway has applied yet.")

_CONSUMERS = {
    consumer_name(job_type, lane): (job_type, lane) for job_type in QUEUED_TYPES for lane in LANES
}
_ALL = (_depth, _age, _out, _again, _pullers, _messages, _bytes, _limit)


class Queues:
    """Asks NATS: three requests, and one for each queue in which something waits."""

    name = "queues"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def refresh(self) -> None:
        """Brings the gauges up to date.

        Raises:
            nats.errors.Error: NATS is away.
        """
        infos = await self._bus.js.consumers_info(JOBS)
        known = [info for info in infos if info.name in _CONSUMERS]
        await asyncio.gather(*(self._queue(info) for info in known))
        for stream in (JOBS, EVENTS, DEAD):
            info = await self._bus.js.stream_info(stream)
            _messages.labels(stream).set(info.state.messages)
            _bytes.labels(stream).set(info.state.bytes)
            if (most := info.config.max_msgs or 0) > 0:
                _limit.labels(stream).set(most)
        events = await self._bus.js.consumer_info(EVENTS, EVENTS_CONSUMER)
        _events.set((events.num_pending or 0) + (events.num_ack_pending or 0))

    @staticmethod
    def forget() -> None:
        """Nothing is known: no number is better than an old one."""
        for metric in _ALL:
            metric.clear()
        _events.set(float("nan"))

    async def _queue(self, info: api.ConsumerInfo) -> None:
        job_type, lane = _CONSUMERS[info.name]
        labels = (type_name(job_type), lane_name(lane))
        waiting = info.num_pending or 0
        _depth.labels(*labels).set(waiting)
        _out.labels(*labels).set(info.num_ack_pending or 0)
        _again.labels(*labels).set(info.num_redelivered or 0)
        _pullers.labels(*labels).set(info.num_waiting or 0)
        age = 0.0
        if waiting:
            handed_out = info.delivered.stream_seq if info.delivered is not None else 0
            age = await self._age_after(handed_out, job_subject(job_type, lane))
        _age.labels(*labels).set(age)

    async def _age_after(self, sequence: int, subject: str) -> float:
        """Age in seconds of the subject's first message behind the sequence."""
        try:
            oldest = await self._bus.js.get_msg(
                JOBS, sequence + 1, subject=subject, direct=True, next=True
            )
        except NotFoundError:
            return 0.0  # handed out or deleted since
        if oldest.time is None:
            return 0.0
        return max(0.0, (datetime.now(UTC) - oldest.time).total_seconds())
