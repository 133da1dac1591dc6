"""API keys: the rows. Secrets are kept as hashes only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.engine import Row

from beatstitch.v1.tenant_pb2 import ApiKey as ApiKeyMessage
from beatstitch.v1.tenant_pb2 import Role
from beatstitch_gateway.db.tables import api_keys, tenants
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.keys import is_key_id

# How old the time of a key's last use may be before it is written again.
USED_STEP_S = 300


@dataclass(frozen=True)
class ApiKeyRow:
    """A key that works, as calls need it.

    Attributes:
        tenant: Whose calls it makes.
        secret_sha256: SHA-256 of its secret.
        role: What it may do.
        project_ids: The only projects it sees; empty for all.
        suspended: Whether its tenant is.
        left_s: Seconds until it expires; None for never.
        used_lately: Whether its last use is written down already.
    """

    tenant: str
    secret_sha256: bytes
    role: Role.ValueType
    project_ids: frozenset[str]
    suspended: bool
    left_s: float | None
    used_lately: bool


async def insert(
    tx: Transaction,
    tenant: str,
    key_id: str,
    secret_sha256: bytes,
    *,
    role: Role.ValueType,
    display_name: str = "",
    project_ids: Iterable[str] = (),
    lifetime_s: float | None = None,
    rotated_from: str = "",
) -> ApiKeyMessage:
    """Stores a new key, and its tenant where it is new."""
    await tx.execute(pg_insert(tenants).values(id=tenant).on_conflict_do_nothing())
    new = (
        sa.insert(api_keys)
        .values(
            id=key_id,
            tenant=tenant,
            secret_sha256=secret_sha256,
            role=role,
            display_name=display_name,
            project_ids=sorted(set(project_ids)),
            # Times are the database's: replicas' clocks may differ.
            expire_time=_from_now(lifetime_s) if lifetime_s is not None else None,
            rotated_from=rotated_from,
        )
        .returning(api_keys)
    )
    return read((await tx.execute(new)).one())


async def find(tx: Transaction, key_id: str) -> ApiKeyRow | None:
    """A key by its id, unless it is revoked or expired."""
    left = sa.extract("epoch", api_keys.c.expire_time - sa.func.now())
    fresh = api_keys.c.last_used_time > _from_now(-USED_STEP_S)
    query = (
        sa.select(
            api_keys.c.tenant,
            api_keys.c.secret_sha256,
            api_keys.c.role,
            api_keys.c.project_ids,
            tenants.c.suspended,
            left.label("left_s"),
            sa.func.coalesce(fresh, sa.false()).label("used_lately"),
        )
        .join(tenants, tenants.c.id == api_keys.c.tenant)
        .where(
            api_keys.c.id == key_id,
            api_keys.c.revoke_time.is_(None),
            sa.or_(api_keys.c.expire_time.is_(None), api_keys.c.expire_time > sa.func.now()),
        )
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return ApiKeyRow(
        tenant=row.tenant,
        secret_sha256=row.secret_sha256,
        role=row.role,
        project_ids=frozenset(row.project_ids),
        suspended=row.suspended,
        left_s=float(row.left_s) if row.left_s is not None else None,
        used_lately=row.used_lately,
    )


async def get(
    tx: Transaction, tenant: str | None, key_id: str, *, lock: bool = False
) -> ApiKeyMessage | None:
    """A key, working or ended, of the tenant or (None) of any; or None."""
    if not is_key_id(key_id):
        return None
    query = sa.select(api_keys).where(api_keys.c.id == key_id)
    if tenant is not None:
        query = query.where(api_keys.c.tenant == tenant)
    if lock:
        query = query.with_for_update()
    row = (await tx.execute(query)).one_or_none()
    return read(row) if row is not None else None


async def page(
    tx: Transaction, tenant: str, size: int, before_id: str | None
) -> list[ApiKeyMessage]:
    """Up to `size` of the tenant's keys, newest first, older than the key `before_id`."""
    place = sa.tuple_(api_keys.c.create_time, api_keys.c.id)
    query = sa.select(api_keys).where(api_keys.c.tenant == tenant)
    if before_id:
        # Rows of keys are never deleted, so the page before's last one is still there.
        other = api_keys.alias()
        last = sa.select(other.c.create_time, other.c.id).where(other.c.id == before_id)
        query = query.where(place < last.scalar_subquery())
    query = query.order_by(api_keys.c.create_time.desc(), api_keys.c.id.desc()).limit(size)
    return [read(row) for row in await tx.execute(query)]


async def successor(tx: Transaction, tenant: str, key_id: str) -> str:
    """The id of the key that replaced one; empty for none."""
    query = sa.select(api_keys.c.id).where(
        api_keys.c.tenant == tenant, api_keys.c.rotated_from == key_id
    )
    return (await tx.execute(query.limit(1))).scalar_one_or_none() or ""


async def revoke(tx: Transaction, key_id: str) -> bool:
    """Ends a key; False when there is none to end."""
    done = await tx.execute(
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoke_time.is_(None))
        .values(revoke_time=sa.func.now())
    )
    return bool(done.rowcount)


async def expire_within(tx: Transaction, key_id: str, seconds: float) -> None:
    """Lets a key end after so many seconds, if it doesn't end earlier."""
    # The least of what isn't null.
    ends = sa.func.least(api_keys.c.expire_time, _from_now(seconds))
    await tx.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(expire_time=ends))


async def note_used(tx: Transaction, key_ids: Iterable[str]) -> None:
    """Notes that keys were used by now."""
    await tx.execute(
        sa.update(api_keys)
        # In one order everywhere: two replicas that note the same keys must not wait crosswise.
        .where(
            api_keys.c.id.in_(
                sa.select(api_keys.c.id)
                .where(api_keys.c.id.in_(sorted(key_ids)))
                .order_by(api_keys.c.id)
                .with_for_update()
            )
        )
        .values(last_used_time=sa.func.now())
    )


def read(row: Row[tuple[object, ...]]) -> ApiKeyMessage:
    """A row as clients see it."""
    key = ApiKeyMessage(
        id=row.id,
        tenant_id=row.tenant,
        display_name=row.display_name,
        role=row.role,
        project_ids=row.project_ids,
        rotated_from=row.rotated_from,
    )
    for name in ("create_time", "expire_time", "revoke_time", "last_used_time"):
        time: datetime | None = getattr(row, name)
        if time is not None:
            getattr(key, name).FromDatetime(time)
    return key


def _from_now(seconds: float) -> sa.ColumnElement[datetime]:
    return sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
