"""Uploads on their way: what S3 calls them and when their URLs end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch_core.keys import input_key, tenant_prefix
from beatstitch_gateway.db.not_found import no_asset
from beatstitch_gateway.db.scope import owned
from beatstitch_gateway.db.tables import assets, uploads
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class UploadRow:
    """An upload that was declared and not completed.

    Attributes:
        asset_id: Whose bytes.
        upload_id: S3's id of the multipart upload; empty for a single PUT.
        part_count: Parts that were signed.
        expire_time: When the URLs stop working.
        part_bytes: Bytes of each part but the last.
    """

    asset_id: str
    upload_id: str
    part_count: int
    expire_time: datetime
    part_bytes: int = 0


async def insert(tx: Transaction, row: UploadRow) -> None:
    """Stores a new upload."""
    await tx.execute(
        sa.insert(uploads).values(
            asset_id=row.asset_id,
            upload_id=row.upload_id,
            part_count=row.part_count,
            expire_time=row.expire_time,
            part_bytes=row.part_bytes,
        )
    )


async def find(tx: Transaction, asset_id: str) -> UploadRow | None:
    """The asset's upload, or None once it is completed."""
    query = sa.select(uploads).where(uploads.c.asset_id == asset_id)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return _read(row)


async def put_off(tx: Transaction, asset_id: str, expire_time: datetime) -> None:
    """Notes that new URLs were signed, which work until a later time."""
    await tx.execute(
        sa.update(uploads).where(uploads.c.asset_id == asset_id).values(expire_time=expire_time)
    )


async def replace(tx: Transaction, asset_id: str, old_id: str, new_id: str) -> UploadRow:
    """Takes another multipart upload in the place of one, unless somebody did before.

    Returns:
        The upload as it is then.
    """
    await tx.execute(
        sa.update(uploads)
        .where(uploads.c.asset_id == asset_id, uploads.c.upload_id == old_id)
        .values(upload_id=new_id)
    )
    query = sa.select(uploads).where(uploads.c.asset_id == asset_id)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise no_asset(asset_id)
    return _read(row)


def _read(row: Row[Any]) -> UploadRow:
    return UploadRow(row.asset_id, row.upload_id, row.part_count, row.expire_time, row.part_bytes)


async def delete(tx: Transaction, asset_id: str) -> None:
    """Forgets an upload."""
    await tx.execute(sa.delete(uploads).where(uploads.c.asset_id == asset_id))


async def open_in(
    tx: Transaction, tenant: str, *, project_id: str = "", asset_id: str = ""
) -> list[tuple[str, str]]:
    """(key, upload id) of the multipart uploads under way in a project or of an asset."""
    query = (
        sa.select(uploads.c.asset_id, uploads.c.upload_id)
        .join(assets, assets.c.id == uploads.c.asset_id)
        .where(owned(assets, tenant), uploads.c.upload_id != "")
    )
    if project_id:
        query = query.where(assets.c.project_id == project_id)
    if asset_id:
        query = query.where(assets.c.id == asset_id)
    prefix = tenant_prefix(tenant)
    return [(input_key(prefix, row.asset_id), row.upload_id) for row in await tx.execute(query)]


async def forgotten(tx: Transaction, before: datetime, limit: int) -> list[tuple[str, str]]:
    """(tenant, asset id) of uploads whose URLs ended before a time and that nobody completed."""
    query = (
        sa.select(assets.c.tenant, assets.c.id)
        .join(uploads, assets.c.id == uploads.c.asset_id)
        .where(uploads.c.expire_time < before)
        .limit(limit)
    )
    return [(row.tenant, row.id) for row in await tx.execute(query)]
