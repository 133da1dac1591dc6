"""What became of the items of a batch, kept for those who repeat the call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from beatstitch.v1.stitch_service_pb2 import BatchStitchResult
from beatstitch_gateway.db.tables import batch_items
from beatstitch_gateway.db.transaction import Transaction


async def results(
    tx: Transaction, batch_id: str, indexes: Iterable[int]
) -> dict[int, BatchStitchResult]:
    """What is known of some items, by index."""
    query = sa.select(batch_items.c.position, batch_items.c.result).where(
        batch_items.c.batch_id == batch_id,
        batch_items.c.position.in_(list(indexes)),
    )
    rows = await tx.execute(query)
    return {row.position: BatchStitchResult.FromString(row.result) for row in rows}


async def store(tx: Transaction, batch_id: str, made: Iterable[BatchStitchResult]) -> None:
    """Keeps what became of some items."""
    rows = [
        {"batch_id": batch_id, "position": item.index, "result": item.SerializeToString()}
        for item in made
    ]
    if rows:
        await tx.execute(sa.insert(batch_items).values(rows))


async def delete_before(tx: Transaction, time: datetime) -> None:
    """Forgets items older than a time, as their request_id is forgotten."""
    await tx.execute(sa.delete(batch_items).where(batch_items.c.create_time < time))
