"""Corrections of grids, filmstrips, proxies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BYTES = ("heard_grid", "activations", "overlay", "filmstrip", "proxy")


def upgrade() -> None:
    """Adds the columns; songs analysed before have their grid as heard."""
    for name in BYTES:
        op.add_column("assets", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column(
        "assets",
        sa.Column("filmstrip_frames", sa.Integer(), server_default="0", nullable=False),
    )
    op.execute("UPDATE assets SET heard_grid = beat_grid")


def downgrade() -> None:
    """Drops the columns."""
    op.drop_column("assets", "filmstrip_frames")
    for name in BYTES:
        op.drop_column("assets", name)
