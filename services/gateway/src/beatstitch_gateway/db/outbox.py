"""The outbox: jobs whose message has still to be published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch.v1.job_pb2 import Job
from beatstitch_gateway.db.tables import JOB_IS_OUT, jobs, outbox
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


async def insert(tx: Transaction, tenant: str, job: Job, attempt: int = 0) -> None:
    """Adds a message; once only for each attempt."""
    await tx.execute(
        pg_insert(outbox)
        .values(job_id=job.id, tenant=tenant, lane=job.lane, type=job.type, attempt=attempt)
        .on_conflict_do_nothing()
    )
    tx.after.queued = True


def _queues() -> sa.CTE:
    """Each tenant, lane and type of which something waits: as many steps through the index.

    A plain DISTINCT reads all that waits, thousands of rows, each time that one job has ended.
    """
    key = (outbox.c.tenant, outbox.c.lane, outbox.c.type)
    first = sa.select(*key).order_by(*key).limit(1).subquery()
    found = sa.select(first.c.tenant, first.c.lane, first.c.type).cte("queue", recursive=True)
    seen = sa.tuple_(found.c.tenant, found.c.lane, found.c.type)
    after = sa.select(*key).where(sa.tuple_(*key) > seen).order_by(*key).limit(1).lateral()
    step = sa.select(after.c.tenant, after.c.lane, after.c.type)
    return found.union_all(step.select_from(found.join(after, sa.true())))


def _claim() -> sa.Select[Any]:
    """The statement of `claim`; it takes milliseconds to put together, so that is done once."""
    out = (
        sa.select(jobs.c.tenant, jobs.c.lane, jobs.c.type, sa.func.count().label("count"))
        .where(sa.text(JOB_IS_OUT))
        .group_by(jobs.c.tenant, jobs.c.lane, jobs.c.type)
        .subquery()
    )
    due = outbox.c.due_time <= sa.func.now()
    queue = _queues()
    own = sa.bindparam("caps", type_=sa.Text).cast(JSONB)
    limit = sa.bindparam("most", type_=sa.Integer)
    cap = sa.func.coalesce(
        own[queue.c.tenant].astext.cast(sa.Integer), sa.bindparam("cap", type_=sa.Integer)
    )
    room = sa.case(
        (cap < 0, limit), else_=sa.func.greatest(cap - sa.func.coalesce(out.c.count, 0), 0)
    )
    turn = sa.func.row_number().over(order_by=outbox.c.id).label("turn")
    first = (
        sa.select(outbox.c.id, turn)
        .where(
            outbox.c.tenant == queue.c.tenant,
            outbox.c.lane == queue.c.lane,
            outbox.c.type == queue.c.type,
            due,
        )
        .order_by(outbox.c.id)
        .limit(sa.func.least(room, limit))
        .lateral()
    )
    per_tenant = sa.func.row_number().over(
        partition_by=(queue.c.tenant, queue.c.lane), order_by=(first.c.turn, first.c.id)
    )
    waiting = (
        sa.select(first.c.id, queue.c.lane, per_tenant.label("turn"))
        .select_from(
            queue.outerjoin(
                out,
                sa.and_(
                    out.c.tenant == queue.c.tenant,
                    out.c.lane == queue.c.lane,
                    out.c.type == queue.c.type,
                ),
            ).join(first, sa.true())
        )
        .subquery()
    )
    chosen = (
        sa.select(waiting.c.id).order_by(waiting.c.lane, waiting.c.turn, waiting.c.id).limit(limit)
    )
    return (
        sa.select(outbox.c.id, outbox.c.job_id, outbox.c.attempt, outbox.c.lane, jobs.c.spec)
        .join(jobs, jobs.c.id == outbox.c.job_id)
        .where(outbox.c.id.in_(chosen))
        .order_by(outbox.c.lane, outbox.c.id)
        .with_for_update(of=[outbox, jobs], skip_locked=True)
    )


_CLAIM = _claim()


async def claim(
    tx: Transaction, limit: int, tenant_cap: int, caps: Mapping[str, int] | None = None
) -> list[OutboxRow]:
    """Locks up to `limit` messages that may go now; others skip them until the commit.

    Interactive before batch, and each tenant in its turn: the n-th message of one tenant goes with
    the n-th of any other, and of one tenant's types likewise. What is with the workers is counted
    for each tenant, lane and type: so a tenant's batch keeps neither another tenant's work nor its
    own previews and uploads waiting. The jobs' rows are locked along, because a cancel takes the
    job first and its messages second.

    Args:
        tx: The transaction.
        limit: Most messages.
        tenant_cap: Most messages of a tenant's lane and type that are out and unfinished.
        caps: Other caps, of tenants that have one of their own; negative for none.
    """
    values = {"most": limit, "cap": tenant_cap, "caps": json.dumps(dict(caps or {}))}
    rows = await tx.execute(_CLAIM, values)
    return [OutboxRow(row.id, row.job_id, row.attempt, row.spec) for row in rows]


async def backlog(tx: Transaction) -> dict[str, int]:
    """How many messages of each tenant wait."""
    number = sa.func.count().label("number")
    query = sa.select(outbox.c.tenant, number).group_by(outbox.c.tenant)
    return {row.tenant: row.number for row in await tx.execute(query)}


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
