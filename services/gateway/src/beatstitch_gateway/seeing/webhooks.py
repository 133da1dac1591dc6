"""Webhooks: what was sent, what failed, what waits."""

from __future__ import annotations

import time

import sqlalchemy as sa

from beatstitch.v1.webhook_pb2 import WebhookEvent
from beatstitch_gateway.db.deliveries import IS_PENDING
from beatstitch_gateway.db.tables import webhook_deliveries, webhooks
from beatstitch_gateway.db.transaction import Database
from beatstitch_runtime.metrics.declare import JOB_BUCKETS, counter, gauge, histogram

_tries = counter(
    "beatstitch_webhook_tries_total",
    "Tries to tell a webhook of a job's end: delivered, refused (a reply, but not of 2xx) or "
    "failed (no reply).",
    ("result",),
)
_delay = histogram(
    "beatstitch_webhook_delay_seconds",
    "From a job's end until its receiver took the event, seconds.",
    buckets=JOB_BUCKETS,
)
_pending = gauge(
    "beatstitch_webhook_deliveries_pending",
    "Events that are still to be taken by their receivers, without those of disabled webhooks.",
)
_oldest = gauge(
    "beatstitch_webhook_oldest_age_seconds",
    "How long the oldest of them waits, seconds; 0 for none.",
)


def tried(*, taken: bool, answered: bool) -> None:
    """An event was sent once."""
    _tries.labels("delivered" if taken else "refused" if answered else "failed").inc()


def sent(event: WebhookEvent) -> None:
    """A receiver took an event."""
    _delay.observe(max(0.0, time.time() - event.time.ToNanoseconds() / 1e9))


class Deliveries:
    """Asks the database: one query over what wasn't taken yet."""

    name = "webhooks"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def refresh(self) -> None:
        """Brings the gauges up to date.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        age = sa.func.extract(
            "epoch", sa.func.now() - sa.func.min(webhook_deliveries.c.create_time)
        )
        query = (
            sa.select(sa.func.count().label("number"), sa.func.coalesce(age, 0).label("age"))
            .select_from(webhook_deliveries.join(webhooks))
            .where(IS_PENDING, sa.not_(webhooks.c.disabled))
        )
        async with self._database.transaction() as tx:
            row = (await tx.execute(query)).one()
        _pending.set(row.number)
        _oldest.set(max(0.0, float(row.age)))

    @staticmethod
    def forget() -> None:
        """Nothing is known: no number is better than an old one."""
        _pending.set(float("nan"))
        _oldest.set(float("nan"))
