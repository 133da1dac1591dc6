"""Replies to calls with a request_id, kept so that the same call gets the same reply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch_gateway.db.tables import idempotency
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class StoredReply:
    """What a request_id was used for.

    Attributes:
        method: Name of the request's message.
        body_sha256: Hash of the request.
        reply: Bytes of the reply.
    """

    method: str
    body_sha256: bytes
    reply: bytes


async def claim(
    tx: Transaction, tenant: str, request_id: str, method: str, body_sha256: bytes
) -> bool:
    """Takes a request_id; False when it is taken.

    While another transaction holds the same id, this waits for its end.
    """
    done = await tx.execute(
        pg_insert(idempotency)
        .values(tenant=tenant, request_id=request_id, method=method, body_sha256=body_sha256)
        .on_conflict_do_nothing()
    )
    return bool(done.rowcount)


async def store(tx: Transaction, tenant: str, request_id: str, reply: bytes) -> None:
    """Keeps the reply of the call that took the id in this transaction."""
    await tx.execute(
        sa.update(idempotency)
        .where(idempotency.c.tenant == tenant, idempotency.c.request_id == request_id)
        .values(reply=reply)
    )


async def find(tx: Transaction, tenant: str, request_id: str) -> StoredReply | None:
    """What the request_id was used for, or None."""
    query = sa.select(idempotency).where(
        idempotency.c.tenant == tenant, idempotency.c.request_id == request_id
    )
    row = (await tx.execute(query)).one_or_none()
    return StoredReply(row.method, row.body_sha256, row.reply or b"") if row is not None else None


async def delete_before(tx: Transaction, time: datetime) -> None:
    """Forgets replies older than a time."""
    await tx.execute(sa.delete(idempotency).where(idempotency.c.create_time < time))
