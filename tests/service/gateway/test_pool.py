"""Connections to the database that died while nobody used them."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from support.waiting import until

from beatstitch_gateway.db.transaction import Database

OTHERS = "application_name = 'beatstitch-gateway' AND pid <> pg_backend_pid()"


async def test_closed_connections_are_replaced_and_nobody_notices(house) -> None:
    project_id = await house.project()
    await asyncio.gather(*(house.client.GetProject(project_id=project_id) for _ in range(20)))
    database = Database(house.settings.database_url.get_secret_value(), 1)

    async def ask(what: str) -> list[object]:
        async with database.transaction() as tx:
            query = sa.text(f"SELECT {what} FROM pg_stat_activity WHERE {OTHERS}")  # noqa: S608
            return list((await tx.execute(query)).scalars())

    try:
        doomed = set(await ask("pid"))
        assert len(doomed) > 1
        await ask("pg_terminate_backend(pid)")

        async def gone() -> bool:
            return not doomed & set(await ask("pid"))

        await until(gone)
    finally:
        await database.close()
    replies = await asyncio.gather(
        *(house.client.GetProject(project_id=project_id) for _ in range(20))
    )
    assert {reply.project.id for reply in replies} == {project_id}
    assert (await house.client.ListProjects()).projects
    await house.project("another")
