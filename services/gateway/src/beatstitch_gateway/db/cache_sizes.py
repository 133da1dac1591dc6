"""How much of the bucket each tenant's cache takes: a row for each, written by the cleaning."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch_gateway.db.tables import cache_sizes
from beatstitch_gateway.db.transaction import Transaction


async def put(tx: Transaction, tenant: str, size_bytes: int) -> None:
    """Notes what was counted just now."""
    values = {"bytes": size_bytes, "count_time": sa.func.now()}
    new = pg_insert(cache_sizes).values(tenant=tenant, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=["tenant"], set_=values))


async def find(tx: Transaction, tenant: str) -> tuple[int, datetime] | None:
    """What was counted last, in bytes, and when; None before the first cleaning round."""
    query = sa.select(cache_sizes.c.bytes, cache_sizes.c.count_time).where(
        cache_sizes.c.tenant == tenant
    )
    row = (await tx.execute(query)).one_or_none()
    return (row.bytes, row.count_time) if row is not None else None
