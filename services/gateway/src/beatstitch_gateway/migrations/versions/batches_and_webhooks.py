"""Batches, the order of jobs' changes, webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _id(name: str, **options: bool) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), **options)  # type: ignore[arg-type]


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=None if nullable else sa.func.now(),
        nullable=nullable,
    )


def upgrade() -> None:
    """Adds them; jobs of before count as changed before anybody looked."""
    op.add_column("jobs", _id("batch_id", nullable=True))
    op.add_column(
        "jobs", sa.Column("change_xid", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index(op.f("ix_jobs_tenant_change_xid_id"), "jobs", ["tenant", "change_xid", "id"])
    op.create_index(
        op.f("ix_jobs_batch_id_id"),
        "jobs",
        ["batch_id", "id"],
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_tenant_unfinished",
        "jobs",
        ["tenant", "id"],
        postgresql_where=sa.text("state IN (1, 2)"),
    )
    op.create_table(
        "batch_items",
        _id("batch_id", primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        _time("create_time"),
    )
    op.create_index(op.f("ix_batch_items_create_time"), "batch_items", ["create_time"])
    op.create_table(
        "webhooks",
        _id("id", primary_key=True),
        sa.Column("tenant", sa.Text(), sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        _time("success_time", nullable=True),
    )
    op.create_index(op.f("ix_webhooks_tenant_id"), "webhooks", ["tenant", "id"])
    _deliveries()


def _deliveries() -> None:
    name = "webhook_deliveries"
    op.create_table(
        name,
        _id("id", primary_key=True),
        sa.Column(
            "webhook_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("webhooks.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        _id("job_id", nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        _time("next_time", nullable=True),
        _time("create_time"),
        _time("attempt_time", nullable=True),
        _time("give_up_time"),
        sa.UniqueConstraint("webhook_id", "event_id"),
    )
    op.create_index(op.f(f"ix_{name}_webhook_id_id"), name, ["webhook_id", "id"])
    op.create_index(op.f(f"ix_{name}_create_time"), name, ["create_time"])
    op.create_index(
        f"ix_{name}_pending", name, ["next_time"], postgresql_where=sa.text("state = 1")
    )


def downgrade() -> None:
    """Drops them."""
    for name in ("webhook_deliveries", "webhooks", "batch_items"):
        op.drop_table(name)
    for name in ("tenant_unfinished", "batch_id_id", "tenant_change_xid_id"):
        op.drop_index(f"ix_jobs_{name}", "jobs")
    for name in ("batch_id", "change_xid"):
        op.drop_column("jobs", name)
