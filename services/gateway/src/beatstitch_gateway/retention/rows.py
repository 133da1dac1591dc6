"""What cleaning changes in rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from beatstitch.v1 import asset_pb2, failure_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, uploads
from beatstitch_gateway.db.tables import renders
from beatstitch_gateway.db.tables import tenants as tenant_rows
from beatstitch_gateway.db.transaction import Transaction


async def tenants(tx: Transaction) -> list[str]:
    """The ids of all tenants."""
    return list(
        (await tx.execute(sa.select(tenant_rows.c.id).order_by(tenant_rows.c.id))).scalars()
    )


async def expire(tx: Transaction, tenant: str, render_ids: Collection[str]) -> list[str]:
    """Notes that outputs are gone, so that no call finds them any more.

    Returns:
        The ids of those that were still told to be there.
    """
    gone = (
        sa.update(renders)
        .where(
            renders.c.tenant == tenant,
            renders.c.id.in_(list(render_ids)),
            renders.c.expired.is_(False),
        )
        .values(expired=True, size_bytes=0)
        .returning(renders.c.id)
    )
    return list((await tx.execute(gone)).scalars())


async def forget_proxy(tx: Transaction, tenant: str, key: str, asset_ids: Collection[str]) -> int:
    """Takes a proxy or a filmstrip out of the assets that name it; how many did."""
    count = 0
    for asset_id in sorted(asset_ids):
        row = await assets.find(tx, tenant, asset_id, lock=True)
        if row is None:
            continue
        if row.proxy is not None and row.proxy.key == key:
            row.proxy = None
        elif row.filmstrip is not None and row.filmstrip.key == key:
            row.filmstrip, row.filmstrip_frames = None, 0
        else:
            continue
        await assets.update(tx, row)
        count += 1
    return count


async def lose_input(tx: Transaction, tenant: str, asset_id: str) -> bool:
    """Notes that an asset's bytes are gone: it can't be used any more.

    Its jobs, if some run, end by themselves: they miss the bytes too.
    """
    row = await assets.find(tx, tenant, asset_id, lock=True)
    if row is None or row.asset.state != asset_pb2.ASSET_STATE_READY:
        return False
    row.asset.state = asset_pb2.ASSET_STATE_FAILED
    row.asset.failure.CopyFrom(_lost(row.key))
    await assets.update(tx, row)
    return True


async def forget_upload(
    tx: Transaction, tenant: str, asset_id: str, now: datetime, kept: timedelta
) -> bool:
    """Deletes an asset whose bytes never came, unless new links were signed meanwhile."""
    row = await assets.find(tx, tenant, asset_id, lock=True)
    if row is None or row.asset.state != asset_pb2.ASSET_STATE_UPLOADING:
        return False
    upload = await uploads.find(tx, asset_id)
    if upload is not None and upload.expire_time + kept > now:
        return False
    await assets.delete(tx, tenant, asset_id)
    return True


def _lost(key: str) -> Failure:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OBJECT_MISSING,
        "the file's bytes are gone from storage; upload it again",
        metadata={"key": key},
    ).to_failure()
