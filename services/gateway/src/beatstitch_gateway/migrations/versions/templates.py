"""Templates and their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "templates",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("tenant", sa.Text(), sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_index(op.f("ix_templates_tenant_id"), "templates", ["tenant", "id"])
    op.create_table(
        "template_versions",
        sa.Column(
            "template_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("templates.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("message", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drops the tables."""
    op.drop_table("template_versions")
    op.drop_table("templates")
