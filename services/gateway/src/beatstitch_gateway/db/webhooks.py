"""Webhooks: the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch.v1 import failure_pb2
from beatstitch.v1.webhook_pb2 import Webhook
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.tables import webhooks
from beatstitch_gateway.db.transaction import Transaction


@dataclass
class WebhookRow:
    """A webhook and its secret.

    Attributes:
        tenant: Whose.
        webhook: What its owner sees.
        secret: As stored; see `webhooks/vault.py`.
    """

    tenant: str
    webhook: Webhook
    secret: bytes


async def insert(tx: Transaction, row: WebhookRow) -> None:
    """Stores a new webhook."""
    await tx.execute(
        sa.insert(webhooks).values(
            id=row.webhook.id, tenant=row.tenant, secret=row.secret, **_changing(row.webhook)
        )
    )


async def save(tx: Transaction, webhook: Webhook) -> None:
    """Stores a webhook's new values; the caller holds its lock."""
    await tx.execute(
        sa.update(webhooks).where(webhooks.c.id == webhook.id).values(**_changing(webhook))
    )


async def find(tx: Transaction, webhook_id: str, *, lock: bool = False) -> WebhookRow | None:
    """A webhook, of whomever; for what the gateway itself does."""
    query = sa.select(webhooks).where(webhooks.c.id == webhook_id)
    if lock:
        query = query.with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    return _read(row) if row is not None else None


async def get(tx: Transaction, tenant: str, webhook_id: str, *, lock: bool = False) -> WebhookRow:
    """A webhook of the tenant.

    Raises:
        BeatStitchError: WEBHOOK_NOT_FOUND.
    """
    row = await find(tx, webhook_id, lock=lock) if is_id(webhook_id) else None
    if row is None or row.tenant != tenant:
        raise no_webhook(webhook_id)
    return row


async def enabled(tx: Transaction, tenant: str) -> list[Webhook]:
    """The tenant's webhooks that something is sent to."""
    query = sa.select(webhooks.c.message).where(
        webhooks.c.tenant == tenant, sa.not_(webhooks.c.disabled)
    )
    return [Webhook.FromString(message) for message in (await tx.execute(query)).scalars()]


async def page(tx: Transaction, tenant: str, size: int, before_id: str | None) -> list[Webhook]:
    """Up to `size` webhooks, newest first, older than `before_id`."""
    query = sa.select(webhooks.c.message).where(webhooks.c.tenant == tenant)
    if before_id:
        query = query.where(webhooks.c.id < before_id)
    rows = await tx.execute(query.order_by(webhooks.c.id.desc()).limit(size))
    return [Webhook.FromString(message) for message in rows.scalars()]


async def count(tx: Transaction, tenant: str) -> int:
    """How many the tenant has."""
    query = sa.select(sa.func.count()).where(webhooks.c.tenant == tenant)
    return int((await tx.execute(query)).scalar_one())


async def delete(tx: Transaction, webhook_id: str) -> None:
    """Deletes a webhook and its deliveries."""
    await tx.execute(sa.delete(webhooks).where(webhooks.c.id == webhook_id))


async def note_success(tx: Transaction, webhook_id: str) -> None:
    """Its receiver took an event."""
    await tx.execute(
        sa.update(webhooks).where(webhooks.c.id == webhook_id).values(success_time=sa.func.now())
    )


def no_webhook(webhook_id: str) -> BeatStitchError:
    """WEBHOOK_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_WEBHOOK_NOT_FOUND, "webhook", webhook_id)


def _changing(webhook: Webhook) -> dict[str, object]:
    return {"disabled": webhook.disabled, "message": webhook.SerializeToString()}


def _read(row: Row[Any]) -> WebhookRow:
    return WebhookRow(row.tenant, Webhook.FromString(row.message), row.secret)
