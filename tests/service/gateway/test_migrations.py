"""Data of earlier versions, brought up to date."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import pytest_asyncio
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from beatstitch.v1 import timeline_pb2 as tp
from beatstitch.v1.edl_pb2 import Edl, Segment
from beatstitch.v1.project_pb2 import Project
from beatstitch.v1.tenant_pb2 import ROLE_OWNER
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.canonical import canonical_json, edl_hash
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import api_keys, tenants, timelines
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.migrate import alembic_config

BEFORE = "0002"


@pytest_asyncio.fixture
async def engine(postgres_server) -> AsyncIterator[AsyncEngine]:
    """A database as it was before revisions."""
    name = f"old_{new_id().replace('-', '')}"
    postgres_server.create_database(name)
    made = create_async_engine(postgres_server.url(name), poolclass=NullPool)
    await move(made, BEFORE)
    yield made
    await made.dispose()
    postgres_server.drop_database(name)


async def move(engine: AsyncEngine, revision: str, *, down: bool = False) -> None:
    change = command.downgrade if down else command.upgrade
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: change(alembic_config(sync), revision))
        await connection.commit()


async def test_timelines_of_before_are_revisions(engine: AsyncEngine):
    project_id, edls = new_id(), []
    insert = sa.text(
        "INSERT INTO timelines (id, tenant, project_id, revision, edl_hash, message, edl, edl_key) "
        "VALUES (:id, 'default', :project, :revision, :hash, :message, :edl, :key)"
    )
    async with engine.begin() as connection:
        await connection.execute(sa.text("INSERT INTO tenants (id) VALUES ('default')"))
        await connection.execute(
            sa.text("INSERT INTO projects (id, tenant, message) VALUES (:id, 'default', :message)"),
            {"id": project_id, "message": Project(id=project_id).SerializeToString()},
        )
        for revision in (1, 2):
            edl = Edl(version="1.0", project_id=project_id, segments=[Segment(index=revision)])
            edls.append(edl)
            told = Timeline(id=new_id(), project_id=project_id, revision=revision)
            told.edl_hash = edl_hash(edl)
            values = {
                "id": told.id,
                "project": project_id,
                "revision": revision,
                "hash": told.edl_hash,
                "message": told.SerializeToString(),
                "edl": canonical_json(edl),
                "key": f"key {revision}",
            }
            await connection.execute(insert, values)
    await move(engine, "head")

    database = Database(engine.url.render_as_string(hide_password=False), 1)
    async with database.transaction() as tx:
        for revision, edl in enumerate(edls, start=1):
            row = await timelines.get(tx, "default", project_id, revision=revision)
            assert row.parse_edl() == edl
            assert row.edl_object.key == f"key {revision}"
            assert row.edl_object.sha256 == edl_hash(edl)
            assert row.edl_object.size_bytes == len(canonical_json(edl))
            assert row.timeline.origin == tp.REVISION_ORIGIN_GENERATED
            assert row.timeline.parent_revision == revision - 1
            assert (row.overlay.edits, row.beat_grid, row.build_revision) == ([], None, 0)
    await database.close()

    await move(engine, BEFORE, down=True)
    async with engine.connect() as connection:
        query = sa.text("SELECT edl FROM timelines ORDER BY revision")
        stored = (await connection.execute(query)).scalars().all()
    assert stored == [canonical_json(edl) for edl in edls]


def test_the_column_is_plain_deflate():
    edl = Edl(version="1.0").SerializeToString()
    assert zlib.decompress(timelines.deflated(edl)) == edl


# The newest revision that a released version runs on. With each release: its head.
RELEASED = "0005"


async def test_the_released_version_goes_on_beside_the_new_one(postgres_server):
    """Expand, then contract: what old replicas read and write is still there, and nothing new is
    asked of their inserts."""
    name = f"old_{new_id().replace('-', '')}"
    postgres_server.create_database(name)
    engine = create_async_engine(postgres_server.url(name), poolclass=NullPool)
    try:
        await move(engine, RELEASED)
        before = await columns(engine)
        await move(engine, "head")
        after = await columns(engine)
    finally:
        await engine.dispose()
        postgres_server.drop_database(name)
    assert before.keys() <= after.keys(), "a table that old replicas use is gone"
    for table, old in before.items():
        new = after[table]
        for column, told in old.items():
            assert column in new, f"{table}.{column} is gone"
            assert str(new[column]["type"]) == str(told["type"]), f"{table}.{column}"
            assert new[column]["nullable"] >= told["nullable"], f"{table}.{column} is stricter"
        for column in new.keys() - old.keys():
            told = new[column]
            optional = told["nullable"] or told["default"] is not None or told.get("identity")
            assert optional, f"old replicas don't write {table}.{column}"


async def columns(engine: AsyncEngine) -> dict[str, dict[str, dict]]:
    """Every table's columns by name."""

    def look(connection) -> dict[str, dict[str, dict]]:
        inspector = sa.inspect(connection)
        return {
            table: {column["name"]: column for column in inspector.get_columns(table)}
            for table in inspector.get_table_names()
        }

    async with engine.connect() as connection:
        return await connection.run_sync(look)


async def test_keys_of_before_are_owners_for_ever(engine: AsyncEngine):
    async with engine.begin() as connection:
        await connection.execute(sa.text("INSERT INTO tenants (id) VALUES ('default')"))
        await connection.execute(
            sa.text("INSERT INTO api_keys (id, tenant, secret_sha256) VALUES (:id, 'default', :h)"),
            {"id": "0" * 16, "h": b"hash"},
        )
    await move(engine, "head")
    database = Database(engine.url.render_as_string(hide_password=False), 1)
    async with database.transaction() as tx:
        row = await api_keys.find(tx, "0" * 16)
        tenant = await tenants.get(tx, "default")
    await database.close()
    assert row is not None
    assert (row.role, row.project_ids, row.left_s) == (ROLE_OWNER, frozenset(), None)
    assert not row.suspended
    assert (tenant.id, tenant.suspended, tenant.HasField("quotas")) == ("default", False, False)
