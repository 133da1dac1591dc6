"""Which trace a stitch belongs to, for the jobs that it makes later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds the column; jobs of before have none."""
    op.add_column("jobs", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drops the column."""
    op.drop_column("jobs", "traceparent")
