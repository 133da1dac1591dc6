"""The outbox: jobs whose message has still to be published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch_gateway.db.tables import jobs, outbox
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class OutboxRow:
    """One message to publish.

    Attributes:
        id: Order of acceptance.
        job_id: Whose.
        attempt: Part of the message's id.
        spec: Bytes of its JobSpec.
    """

    id: int
    job_id: str
    attempt: int
    spec: bytes


async def insert(tx: Transaction, tenant: str, job_id: str, lane: int, attempt: int = 0) -> None:
    """Adds a message; once only for each attempt."""
    await tx.execute(
        pg_insert(outbox)
        .values(job_id=job_id, tenant=tenant, lane=lane, attempt=attempt)
        .on_conflict_do_nothing()
    )
    tx.after.queued = True


async def claim(tx: Transaction, limit: int, tenant_cap: int) -> list[OutboxRow]:
    """Locks up to `limit` messages that may go now; others skip them until the commit.

    Interactive before batch, and each tenant in its turn: the n-th message of one tenant goes with
    the n-th of any other. A tenant with `tenant_cap` messages out and unfinished waits. The jobs'
    rows are locked along, because a cancel takes the job first and its messages second.
    """
    in_flight = (
        sa.select(jobs.c.tenant, sa.func.count().label("count"))
        .where(sa.text("jobs.state IN (1, 2)"), jobs.c.stream_seq.is_not(None))
        .group_by(jobs.c.tenant)
        .subquery()
    )
    turn = sa.func.row_number().over(
        partition_by=outbox.c.tenant, order_by=(outbox.c.lane, outbox.c.id)
    )
    waiting = (
        sa.select(outbox.c.id, outbox.c.tenant, outbox.c.lane, turn.label("turn"))
        .where(outbox.c.due_time <= sa.func.now())
        .subquery()
    )
    chosen = (
        sa.select(waiting.c.id)
        .outerjoin(in_flight, in_flight.c.tenant == waiting.c.tenant)
        .where(waiting.c.turn + sa.func.coalesce(in_flight.c.count, 0) <= tenant_cap)
        .order_by(waiting.c.lane, waiting.c.turn, waiting.c.id)
        .limit(limit)
    )
    query = (
        sa.select(outbox.c.id, outbox.c.job_id, outbox.c.attempt, outbox.c.lane, jobs.c.spec)
        .join(jobs, jobs.c.id == outbox.c.job_id)
        .where(outbox.c.id.in_(chosen))
        .order_by(outbox.c.lane, outbox.c.id)
        .with_for_update(of=[outbox, jobs], skip_locked=True)
    )
    rows = await tx.execute(query)
    return [OutboxRow(row.id, row.job_id, row.attempt, row.spec) for row in rows]


async def delete(tx: Transaction, row_id: int) -> None:
    """Takes a published message out."""
    await tx.execute(sa.delete(outbox).where(outbox.c.id == row_id))


async def delete_for(tx: Transaction, job_id: str) -> None:
    """Takes all messages of a job out: nobody wants it any more."""
    await tx.execute(sa.delete(outbox).where(outbox.c.job_id == job_id))


async def postpone(tx: Transaction, row_id: int, by: timedelta) -> None:
    """Leaves a message for later."""
    await tx.execute(
        sa.update(outbox).where(outbox.c.id == row_id).values(due_time=sa.func.now() + by)
    )


async def has_row(tx: Transaction, job_id: str) -> bool:
    """Whether a message of the job waits here."""
    query = sa.select(outbox.c.id).where(outbox.c.job_id == job_id).limit(1)
    return (await tx.execute(query)).scalar_one_or_none() is not None
