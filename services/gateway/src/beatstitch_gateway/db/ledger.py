"""Minutes of video: what each render was accepted for, and what it came to.

A row of its own for each accepted render or stitch, without a foreign key: deleting a project gives
no minutes back. Rows are only ever added and settled, never summed up in place, so that calls of
one tenant don't wait for one another.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch_gateway.db.tables import rendered
from beatstitch_gateway.db.transaction import Transaction


def this_month() -> date:
    """The first day of the current calendar month, UTC."""
    return datetime.now(UTC).date().replace(day=1)


async def reserve(tx: Transaction, tenant: str, job_id: str, ms: int) -> None:
    """Notes what a job will render, as far as one knows, in milliseconds of video."""
    await tx.execute(
        pg_insert(rendered)
        .values(job_id=job_id, tenant=tenant, month=this_month(), ms=ms)
        .on_conflict_do_nothing()
    )


async def settle(tx: Transaction, job_id: str, ms: int) -> None:
    """Notes what a job has rendered; 0 for one that failed or was cancelled."""
    await tx.execute(
        sa.update(rendered).where(rendered.c.job_id == job_id).values(ms=ms, settled=True)
    )


async def rendered_ms(tx: Transaction, tenant: str) -> int:
    """Milliseconds of video in this month, reserved ones too."""
    query = sa.select(sa.func.coalesce(sa.func.sum(rendered.c.ms), 0)).where(
        rendered.c.tenant == tenant, rendered.c.month == this_month()
    )
    return int((await tx.execute(query)).scalar_one())
