"""When renders were finished and whether their outputs are gone; how uploads were cut."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds the columns; an output of before is kept as long as one that is finished now."""
    op.add_column("renders", sa.Column("finish_time", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "renders", sa.Column("expired", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "uploads", sa.Column("part_bytes", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.execute("UPDATE renders SET finish_time = now() WHERE output IS NOT NULL")


def downgrade() -> None:
    """Drops the columns."""
    op.drop_column("uploads", "part_bytes")
    op.drop_column("renders", "expired")
    op.drop_column("renders", "finish_time")
