"""Revisions of timelines: edits, what they were built from, EDLs as deflated protobuf."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from beatstitch.v1 import timeline_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.canonical import canonical_json, parse_json

revision = "0003"
down_revision = "0002"

BYTES = ("edits", "beat_grid", "build")
TABLE = sa.table(
    "timelines",
    sa.column("id"),
    sa.column("message"),
    sa.column("edl"),
    sa.column("edl_json_bytes"),
    sa.column("revision"),
)


def upgrade() -> None:
    """Adds the columns; what is there was built, each revision after the one before."""
    for name in BYTES:
        op.add_column("timelines", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column(
        "timelines", sa.Column("build_revision", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("timelines", sa.Column("edl_json_bytes", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("inputs", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    for row in _rows(connection):
        timeline = Timeline.FromString(row.message)
        timeline.origin = timeline_pb2.REVISION_ORIGIN_GENERATED
        timeline.parent_revision = row.revision - 1
        edl = parse_json(row.edl, Edl())
        connection.execute(
            TABLE.update()
            .where(TABLE.c.id == row.id)
            .values(
                message=timeline.SerializeToString(),
                edl=zlib.compress(edl.SerializeToString(), 1),
                edl_json_bytes=len(row.edl),
            )
        )
    op.alter_column("timelines", "edl_json_bytes", nullable=False)
    op.execute("ALTER TABLE timelines ALTER edl SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drops the columns; revisions stay, whatever made them."""
    connection = op.get_bind()
    op.execute("ALTER TABLE timelines ALTER edl SET STORAGE EXTENDED")
    for row in _rows(connection):
        edl = canonical_json(Edl.FromString(zlib.decompress(row.edl)))
        connection.execute(TABLE.update().where(TABLE.c.id == row.id).values(edl=edl))
    op.drop_column("jobs", "inputs")
    for name in ("edl_json_bytes", "build_revision", *BYTES):
        op.drop_column("timelines", name)


def _rows(connection: Connection) -> Iterator[Any]:
    """One after the other: all EDLs at once could be more than the memory."""
    ids = connection.execute(sa.select(TABLE.c.id)).scalars().all()
    columns = (TABLE.c.id, TABLE.c.message, TABLE.c.edl, TABLE.c.revision)
    for row_id in ids:
        yield connection.execute(sa.select(*columns).where(TABLE.c.id == row_id)).one()
