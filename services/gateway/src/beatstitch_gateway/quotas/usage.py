"""What a tenant uses, counted from the rows themselves: no counter that could go astray.

The cache has no rows; what it takes is what the last cleaning round left in the bucket.
"""

from __future__ import annotations

import sqlalchemy as sa

from beatstitch.v1.tenant_pb2 import Usage
from beatstitch_gateway.db import cache_sizes, ledger
from beatstitch_gateway.db.tables import JOB_IS_OPEN, assets, jobs, renders
from beatstitch_gateway.db.transaction import Transaction

_IS_OPEN = sa.text(JOB_IS_OPEN)


async def of(tx: Transaction, tenant: str) -> Usage:
    """All that a tenant uses."""
    used = Usage(
        stored_bytes=await stored_bytes(tx, tenant),
        assets=await asset_count(tx, tenant),
        open_jobs=await open_jobs(tx, tenant),
        rendered_ms=await ledger.rendered_ms(tx, tenant),
    )
    if (counted := await cache_sizes.find(tx, tenant)) is not None:
        used.cache_bytes, time = counted
        used.cache_time.FromDatetime(time)
    return used


async def stored_bytes(tx: Transaction, tenant: str) -> int:
    """Bytes of uploads, as declared while they are under way, and of outputs that are kept.

    An output that two renders share is counted for both: each may go without the other.
    """
    uploads = sa.select(sa.func.coalesce(sa.func.sum(assets.c.size_bytes), 0)).where(
        assets.c.tenant == tenant
    )
    outputs = sa.select(sa.func.coalesce(sa.func.sum(renders.c.size_bytes), 0)).where(
        renders.c.tenant == tenant, renders.c.output.is_not(None)
    )
    query = sa.select(uploads.scalar_subquery() + outputs.scalar_subquery())
    return int((await tx.execute(query)).scalar_one())


async def asset_count(tx: Transaction, tenant: str) -> int:
    """Assets, those whose upload is under way too."""
    query = sa.select(sa.func.count()).select_from(assets).where(assets.c.tenant == tenant)
    return int((await tx.execute(query)).scalar_one())


async def open_jobs(tx: Transaction, tenant: str) -> int:
    """Jobs that are PENDING or RUNNING, without those inside a stitch."""
    query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.tenant == tenant, _IS_OPEN)
    return int((await tx.execute(query)).scalar_one())
