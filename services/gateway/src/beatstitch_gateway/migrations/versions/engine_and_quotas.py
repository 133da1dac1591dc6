"""Deadlines, dead letters that can be given again, fair release, what tenants use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.common_pb2 import ObjectRef

revision = "0008"
down_revision = "0007"

_AT_ONCE = 1000


def upgrade() -> None:
    """Adds them; jobs of before have no deadline."""
    op.add_column("jobs", sa.Column("deadline_time", sa.DateTime(timezone=True), nullable=True))
    unfinished = "state IN (1, 2)"
    for name, columns, where in (
        ("open", ["tenant"], f"{unfinished} AND parent_id IS NULL"),
        ("in_flight", ["tenant", "lane", "type"], f"{unfinished} AND stream_seq IS NOT NULL"),
        ("deadline", ["deadline_time"], unfinished),
    ):
        op.create_index(op.f(f"ix_jobs_{name}"), "jobs", columns, postgresql_where=sa.text(where))
    op.add_column(
        "outbox", sa.Column("type", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_index(
        op.f("ix_outbox_tenant_lane_type_id"), "outbox", ["tenant", "lane", "type", "id"]
    )
    for table in ("assets", "renders"):
        size = sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column(table, size)
    _fill_sizes()
    op.create_index(op.f("ix_assets_tenant_size_bytes"), "assets", ["tenant", "size_bytes"])
    op.create_index(
        op.f("ix_renders_kept"),
        "renders",
        ["tenant", "size_bytes"],
        postgresql_where=sa.text("output IS NOT NULL"),
    )
    for name in ("tenant", "job_id", "spec"):
        op.alter_column("dead_letters", name, nullable=True)
    op.add_column("dead_letters", sa.Column("failure", sa.LargeBinary(), nullable=True))
    op.add_column("dead_letters", sa.Column("requeued_as", sa.Uuid(as_uuid=False), nullable=True))
    op.create_index(op.f("ix_dead_letters_create_time_id"), "dead_letters", ["create_time", "id"])
    op.create_table(
        "rendered",
        sa.Column("job_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("ms", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index(op.f("ix_rendered_tenant_month_ms"), "rendered", ["tenant", "month", "ms"])


def downgrade() -> None:
    """Drops them, and the dead letters that name no job."""
    op.drop_table("rendered")
    op.drop_index(op.f("ix_dead_letters_create_time_id"), "dead_letters")
    for name in ("failure", "requeued_as"):
        op.drop_column("dead_letters", name)
    op.execute("DELETE FROM dead_letters WHERE tenant IS NULL OR job_id IS NULL OR spec IS NULL")
    for name in ("tenant", "job_id", "spec"):
        op.alter_column("dead_letters", name, nullable=False)
    for table in ("assets", "renders"):
        op.drop_column(table, "size_bytes")  # and its index
    op.drop_column("outbox", "type")
    for name in ("open", "in_flight"):
        op.drop_index(op.f(f"ix_jobs_{name}"), "jobs")
    op.drop_column("jobs", "deadline_time")


def _fill_sizes() -> None:
    """Sizes that only the messages hold."""
    connection = op.get_bind()
    for table, column in (("assets", "message"), ("renders", "output")):
        rows = sa.table(
            table,
            sa.column("id", sa.Uuid(as_uuid=False)),
            sa.column(column, sa.LargeBinary()),
            sa.column("size_bytes", sa.BigInteger()),
        )
        query = sa.select(rows.c.id, rows.c[column]).where(rows.c[column].is_not(None))
        found = connection.execute(query.order_by(rows.c.id)).all()
        update = (
            sa.update(rows)
            .where(rows.c.id == sa.bindparam("row_id"))
            .values(size_bytes=sa.bindparam("size"))
        )
        for start in range(0, len(found), _AT_ONCE):
            part = found[start : start + _AT_ONCE]
            sizes = [{"row_id": row.id, "size": _size(table, bytes(row[1]))} for row in part]
            connection.execute(update, sizes)


def _size(table: str, data: bytes) -> int:
    return (Asset if table == "assets" else ObjectRef).FromString(data).size_bytes
