"""Deliveries: events on their way to webhooks.

A row is written in the transaction that ends its job: an end that was seen is an end that is told.
Whichever replica claims a due row sends it; the claim is a time in the row, so one that dies with
its claim gives it back by waiting.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.engine import Row

from beatstitch.v1 import failure_pb2, webhook_pb2
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.webhook_pb2 import WebhookDelivery, WebhookDeliveryState, WebhookEvent
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id, new_id
from beatstitch_gateway.db import webhooks
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.tables import webhook_deliveries as deliveries
from beatstitch_gateway.db.tables import webhooks as webhook_table
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.webhooks.events import end_of, wants
from beatstitch_gateway.webhooks.tries import GIVE_UP_AFTER, Answer, Verdict

PENDING = webhook_pb2.WEBHOOK_DELIVERY_STATE_PENDING
FAILED = webhook_pb2.WEBHOOK_DELIVERY_STATE_FAILED
# Said by literal, so that the planner sees that the partial index answers it.
IS_PENDING = sa.text("webhook_deliveries.state = 1")
# Due rows that one claim looks at.
_LOOKED_AT = 500


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery that was claimed.

    Attributes:
        id: Its id.
        webhook_id: Where to.
        event: What.
        attempts: Tries so far, the claimed one included.
        give_up_time: When it is given up.
    """

    id: str
    webhook_id: str
    event: WebhookEvent
    attempts: int
    give_up_time: datetime


async def note_end(tx: Transaction, tenant: str, job: Job) -> None:
    """Puts a job's end on its way to all webhooks that want it; once, however often it is said."""
    wanting = [hook for hook in await webhooks.enabled(tx, tenant) if wants(hook, job)]
    if not wanting:
        return
    event = end_of(job)
    data = event.SerializeToString()
    rows = [
        {
            "id": new_id(),
            "webhook_id": hook.id,
            "event_id": event.id,
            "job_id": job.id,
            "event": data,
            "state": PENDING,
            "next_time": sa.func.now(),
            "give_up_time": sa.func.now() + GIVE_UP_AFTER,
        }
        for hook in wanting
    ]
    await tx.execute(pg_insert(deliveries).values(rows).on_conflict_do_nothing())


async def insert_ping(
    tx: Transaction, webhook_id: str, event: WebhookEvent, answer: Answer
) -> WebhookDelivery:
    """Keeps what came of a ping."""
    delivery_id = new_id()
    state = webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED if answer.taken else FAILED
    await tx.execute(
        sa.insert(deliveries).values(
            id=delivery_id,
            webhook_id=webhook_id,
            event_id=event.id,
            event=event.SerializeToString(),
            state=state,
            attempts=1,
            last_status=answer.status,
            last_error=answer.error,
            attempt_time=sa.func.now(),
        )
    )
    row = await tx.execute(sa.select(deliveries).where(deliveries.c.id == delivery_id))
    return _read(row.one())


async def claim(
    tx: Transaction, limit: int, each: int, busy: Collection[str], lease_s: float
) -> list[DeliveryRow]:
    """Takes due deliveries, the longest due first; others don't see them for `lease_s` seconds.

    Args:
        tx: The transaction.
        limit: How many at most.
        each: How many of one webhook at most: a slow receiver must not keep the others waiting.
        busy: Webhooks that have enough to do.
        lease_s: How long the claim lasts.
    """
    due = (
        sa.select(deliveries.c.id, deliveries.c.webhook_id, deliveries.c.next_time)
        .join(webhook_table, webhook_table.c.id == deliveries.c.webhook_id)
        .where(
            IS_PENDING, deliveries.c.next_time <= sa.func.now(), sa.not_(webhook_table.c.disabled)
        )
        .order_by(deliveries.c.next_time, deliveries.c.id)
        .limit(_LOOKED_AT)
    )
    if busy:
        due = due.where(deliveries.c.webhook_id.not_in(list(busy)))
    looked_at = due.subquery()
    turn = sa.func.row_number().over(
        partition_by=looked_at.c.webhook_id, order_by=(looked_at.c.next_time, looked_at.c.id)
    )
    turns = sa.select(looked_at.c.id, looked_at.c.next_time, turn.label("turn")).subquery()
    chosen = (
        sa.select(turns.c.id)
        .where(turns.c.turn <= each)
        .order_by(turns.c.next_time, turns.c.id)
        .limit(limit)
    )
    free = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.id.in_(chosen), IS_PENDING, deliveries.c.next_time <= sa.func.now())
        .with_for_update(skip_locked=True)
    )
    ids = list((await tx.execute(free)).scalars())
    if not ids:
        return []
    taken = (
        sa.update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(
            attempts=deliveries.c.attempts + 1,
            attempt_time=sa.func.now(),
            next_time=sa.func.now() + timedelta(seconds=lease_s),
        )
        .returning(deliveries)
    )
    rows = sorted(await tx.execute(taken), key=lambda row: row.id)
    return [
        DeliveryRow(
            row.id,
            row.webhook_id,
            WebhookEvent.FromString(row.event),
            row.attempts,
            row.give_up_time,
        )
        for row in rows
    ]


async def settle(tx: Transaction, row: DeliveryRow, answer: Answer, verdict: Verdict) -> bool:
    """Keeps what came of a try; False when the delivery is somebody else's by now."""
    pause = timedelta(seconds=verdict.pause_s) if verdict.pause_s is not None else None
    done = await tx.execute(
        sa.update(deliveries)
        .where(deliveries.c.id == row.id, deliveries.c.attempts == row.attempts, IS_PENDING)
        .values(
            state=verdict.state,
            last_status=answer.status,
            last_error=answer.error,
            next_time=sa.func.now() + pause if pause is not None else None,
        )
    )
    return bool(done.rowcount)


async def all_failed_since(tx: Transaction, webhook_id: str, since: datetime) -> bool:
    """Whether a webhook's receiver has taken nothing since a time."""
    query = sa.select(webhook_table.c.success_time).where(webhook_table.c.id == webhook_id)
    last = (await tx.execute(query)).scalar_one_or_none()
    return last is None or last < since


async def get(
    tx: Transaction, tenant: str, delivery_id: str, *, lock: bool = False
) -> WebhookDelivery:
    """A delivery of the tenant's.

    Raises:
        BeatStitchError: DELIVERY_NOT_FOUND.
    """
    if is_id(delivery_id):
        query = (
            sa.select(deliveries)
            .join(webhook_table, webhook_table.c.id == deliveries.c.webhook_id)
            .where(deliveries.c.id == delivery_id, webhook_table.c.tenant == tenant)
        )
        if lock:
            query = query.with_for_update(of=deliveries)
        row = (await tx.execute(query)).one_or_none()
        if row is not None:
            return _read(row)
    raise no_delivery(delivery_id)


async def send_again(tx: Transaction, delivery_id: str) -> None:
    """Makes a delivery due, with three days of its own."""
    await tx.execute(
        sa.update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(
            state=PENDING,
            next_time=sa.func.now(),
            give_up_time=sa.func.now() + GIVE_UP_AFTER,
        )
    )


async def page(
    tx: Transaction,
    webhook_id: str,
    size: int,
    before_id: str | None,
    states: Collection[WebhookDeliveryState.ValueType],
) -> list[WebhookDelivery]:
    """Up to `size` deliveries of a webhook, newest first, older than `before_id`."""
    query = sa.select(deliveries).where(deliveries.c.webhook_id == webhook_id)
    if states:
        query = query.where(deliveries.c.state.in_(states))
    if before_id:
        query = query.where(deliveries.c.id < before_id)
    rows = await tx.execute(query.order_by(deliveries.c.id.desc()).limit(size))
    return [_read(row) for row in rows]


async def tidy(tx: Transaction, keep: timedelta, limit: int) -> None:
    """Gives up what nobody may send any more, and forgets what is old."""
    late = (
        sa.select(deliveries.c.id)
        .where(IS_PENDING, deliveries.c.give_up_time < sa.func.now() - timedelta(hours=1))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(
        sa.update(deliveries)
        .where(deliveries.c.id.in_(late.scalar_subquery()))
        .values(state=FAILED, next_time=None)
    )
    old = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.create_time < sa.func.now() - keep, deliveries.c.state != PENDING)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(sa.delete(deliveries).where(deliveries.c.id.in_(old.scalar_subquery())))


def no_delivery(delivery_id: str) -> BeatStitchError:
    """DELIVERY_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_DELIVERY_NOT_FOUND, "delivery", delivery_id)


def _read(row: Row[Any]) -> WebhookDelivery:
    found = WebhookDelivery(
        id=row.id,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        job_id=row.job_id or "",
        state=row.state,
        attempts=row.attempts,
        last_status=row.last_status,
        last_error=row.last_error,
    )
    found.create_time.FromDatetime(row.create_time)
    if row.state == PENDING and row.next_time is not None:
        found.next_time.FromDatetime(row.next_time)
    if row.attempt_time is not None:
        found.attempt_time.FromDatetime(row.attempt_time)
    return found
