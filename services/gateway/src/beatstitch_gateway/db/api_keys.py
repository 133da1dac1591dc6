"""API keys and their tenants: the rows. Secrets are kept as hashes only."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert

from beatstitch_gateway.db.tables import api_keys, tenants
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class ApiKeyRow:
    """A key that is not revoked.

    Attributes:
        tenant: Whose calls it makes.
        secret_sha256: SHA-256 of its secret.
    """

    tenant: str
    secret_sha256: bytes


async def insert(tx: Transaction, tenant: str, key_id: str, secret_sha256: bytes) -> None:
    """Stores a new key, and its tenant where it is new."""
    await tx.execute(pg_insert(tenants).values(id=tenant).on_conflict_do_nothing())
    await tx.execute(
        sa.insert(api_keys).values(id=key_id, tenant=tenant, secret_sha256=secret_sha256)
    )


async def find(tx: Transaction, key_id: str) -> ApiKeyRow | None:
    """A key by its id, unless it is revoked."""
    query = sa.select(api_keys.c.tenant, api_keys.c.secret_sha256).where(
        api_keys.c.id == key_id, api_keys.c.revoke_time.is_(None)
    )
    row = (await tx.execute(query)).one_or_none()
    return ApiKeyRow(row.tenant, row.secret_sha256) if row is not None else None


async def revoke(tx: Transaction, key_id: str) -> bool:
    """Ends a key; False when there is none to end."""
    done = await tx.execute(
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoke_time.is_(None))
        .values(revoke_time=sa.func.now())
    )
    return bool(done.rowcount)
