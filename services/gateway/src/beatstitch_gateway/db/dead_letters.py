"""Dead letters: jobs that were handed out as often as allowed."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch_gateway.db.tables import dead_letters
from beatstitch_gateway.db.transaction import Transaction


async def insert(tx: Transaction, advisory_id: str, spec: JobSpec, deliveries: int) -> None:
    """Keeps a dead letter; once only, however often its advisory is read."""
    await tx.execute(
        pg_insert(dead_letters)
        .values(
            id=advisory_id,
            tenant=spec.tenant,
            job_id=spec.job_id,
            type=spec.type,
            deliveries=deliveries,
            spec=spec.SerializeToString(),
        )
        .on_conflict_do_nothing()
    )
