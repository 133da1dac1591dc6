"""How much of the bucket each tenant's cache takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the table; the next cleaning round fills it."""
    op.create_table(
        "cache_sizes",
        sa.Column("tenant", sa.Text(), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "count_time", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )


def downgrade() -> None:
    """Drops the table."""
    op.drop_table("cache_sizes")
