"""Tenants: the rows."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.engine import Row

from beatstitch.v1 import failure_pb2
from beatstitch.v1.tenant_pb2 import Tenant
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.tables import tenants
from beatstitch_gateway.db.transaction import Transaction


async def insert(tx: Transaction, tenant: Tenant) -> None:
    """Stores a new tenant.

    Raises:
        BeatStitchError: TENANT_EXISTS.
    """
    new = pg_insert(tenants).values(id=tenant.id, **_changing(tenant)).on_conflict_do_nothing()
    if not (await tx.execute(new)).rowcount:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_TENANT_EXISTS,
            f"there is a tenant {tenant.id!r}",
            metadata={"tenant_id": tenant.id},
        )


async def find(tx: Transaction, tenant_id: str, *, lock: bool = False) -> Tenant | None:
    """A tenant, or None."""
    if "\0" in tenant_id:  # PostgreSQL has no text with it
        return None
    query = sa.select(tenants).where(tenants.c.id == tenant_id)
    if lock:
        # NO KEY: rows that only refer to the tenant may still be inserted meanwhile.
        query = query.with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    return _read(row) if row is not None else None


async def get(tx: Transaction, tenant_id: str, *, lock: bool = False) -> Tenant:
    """A tenant.

    Raises:
        BeatStitchError: TENANT_NOT_FOUND.
    """
    found = await find(tx, tenant_id, lock=lock)
    if found is None:
        raise no_tenant(tenant_id)
    return found


async def update(tx: Transaction, tenant: Tenant) -> None:
    """Stores a tenant's new values."""
    change = sa.update(tenants).where(tenants.c.id == tenant.id)
    await tx.execute(change.values(**_changing(tenant)))


async def page(tx: Transaction, size: int, after_id: str | None) -> list[Tenant]:
    """Up to `size` tenants by id, after `after_id`."""
    # Byte by byte, whatever language the database sorts by: the same order everywhere.
    place = tenants.c.id.collate("C")
    query = sa.select(tenants)
    if after_id is not None:
        query = query.where(place > after_id)
    return [_read(row) for row in await tx.execute(query.order_by(place).limit(size))]


def no_tenant(tenant_id: str) -> BeatStitchError:
    """TENANT_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_TENANT_NOT_FOUND, "tenant", tenant_id)


def _read(row: Row[tuple[object, ...]]) -> Tenant:
    if row.message is not None:
        return Tenant.FromString(row.message)
    # Made by `create_key`: nothing was ever said about it.
    tenant = Tenant(id=row.id, suspended=row.suspended)
    tenant.create_time.FromDatetime(row.create_time)
    tenant.update_time.CopyFrom(tenant.create_time)
    return tenant


def _changing(tenant: Tenant) -> dict[str, object]:
    return {"message": tenant.SerializeToString(), "suspended": tenant.suspended}
