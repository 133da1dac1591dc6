"""What keys may do and for how long, tenants' settings, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0007"
down_revision = "0006"

# Role.ROLE_OWNER: keys of before could do all that their tenant could, and still can.
OWNER = "3"


def upgrade() -> None:
    """Adds them; keys of before are their tenant's owners', for ever and for all projects."""
    op.add_column("tenants", sa.Column("message", sa.LargeBinary(), nullable=True))
    op.add_column(
        "tenants",
        sa.Column("suspended", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for column in (
        sa.Column("display_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("role", sa.SmallInteger(), nullable=False, server_default=OWNER),
        sa.Column("project_ids", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_from", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("api_keys", column)
    op.create_index(
        op.f("ix_api_keys_tenant_create_time_id"), "api_keys", ["tenant", "create_time", "id"]
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
    )
    op.create_index(op.f("ix_audit_events_tenant_id"), "audit_events", ["tenant", "id"])


def downgrade() -> None:
    """Drops them."""
    op.drop_table("audit_events")
    op.drop_index(op.f("ix_api_keys_tenant_create_time_id"), "api_keys")
    for name in (
        "display_name",
        "role",
        "project_ids",
        "expire_time",
        "last_used_time",
        "rotated_from",
    ):
        op.drop_column("api_keys", name)
    op.drop_column("tenants", "suspended")
    op.drop_column("tenants", "message")
