"""The audit log: the rows. An event's id is made when it happens, so ids are the times too."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch.v1.tenant_pb2 import AuditEvent
from beatstitch_gateway.db.tables import audit_events
from beatstitch_gateway.db.transaction import Transaction

# Rows that are deleted in one statement.
AT_ONCE = 5_000
_MOST_MS = 2**48 - 1


async def insert(tx: Transaction, events: Sequence[AuditEvent]) -> None:
    """Stores events; those that are stored already are left as they are."""
    rows = [
        {
            "id": event.id,
            "tenant": event.tenant_id,
            "principal": event.principal,
            "message": event.SerializeToString(),
        }
        for event in events
    ]
    await tx.execute(pg_insert(audit_events).values(rows).on_conflict_do_nothing())


async def page(
    tx: Transaction,
    tenant: str,
    size: int,
    before_id: str | None,
    *,
    since: Timestamp | None = None,
    until: Timestamp | None = None,
    principal: str = "",
) -> list[AuditEvent]:
    """Up to `size` events, newest first, older than `before_id`, from `since` to before `until`."""
    ids = audit_events.c.id
    query = sa.select(audit_events.c.message).where(audit_events.c.tenant == tenant)
    if since is not None:
        query = query.where(ids >= first_id(since.ToMicroseconds()))
    if until is not None:
        query = query.where(ids < first_id(until.ToMicroseconds()))
    if principal:
        query = query.where(audit_events.c.principal == principal)
    if before_id:
        query = query.where(ids < before_id)
    rows = await tx.execute(query.order_by(ids.desc()).limit(size))
    return [AuditEvent.FromString(message) for message in rows.scalars()]


async def delete_before(tx: Transaction, time_us: int) -> int:
    """Deletes some of the events from before a time; how many."""
    old = sa.select(audit_events.c.id).where(audit_events.c.id < first_id(time_us)).limit(AT_ONCE)
    done = await tx.execute(sa.delete(audit_events).where(audit_events.c.id.in_(old)))
    return int(done.rowcount)


def first_id(time_us: int) -> str:
    """The least id of what happened at a time, in microseconds since 1970, or later."""
    milliseconds = min(max(-(-time_us // 1000), 0), _MOST_MS)
    return str(uuid.UUID(int=milliseconds << 80))


def time_us_of(event_id: str) -> int:
    """When an id was made, in microseconds since 1970; whole milliseconds."""
    return (uuid.UUID(event_id).int >> 80) * 1000
