"""Pictures that stand for finished renders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

COLUMNS = ("poster", "contact_sheet")


def upgrade() -> None:
    """Adds the columns; renders of before have none."""
    for name in COLUMNS:
        op.add_column("renders", sa.Column(name, sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drops the columns."""
    for name in COLUMNS:
        op.drop_column("renders", name)
