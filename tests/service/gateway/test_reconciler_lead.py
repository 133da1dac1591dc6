"""Who looks for lost jobs: one replica, and another when that one hangs."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from support.waiting import until

from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_gateway.db.tables import jobs as table
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs import reconcile
from beatstitch_gateway.jobs.reconcile import Reconciler
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.jobs.topology import JOBS


class Watched(Reconciler):
    """Tells when it leads, and hangs then if it is told to."""

    hangs = False

    def __init__(self, *parts) -> None:
        super().__init__(*parts)
        self.leads = asyncio.Event()

    async def round(self) -> None:
        self.leads.set()
        if self.hangs:
            await asyncio.Event().wait()


async def test_a_leader_that_hangs_is_followed_by_another(database, monkeypatch):
    monkeypatch.setattr(reconcile, "LEAD_LOST_S", 0.5)
    settings = GatewaySettings(database_url=database, reconcile_interval_s=0.1)
    pool = Database(database, 2)
    first, second = (Watched(settings, pool, None) for _ in range(2))
    first.hangs = True
    leading = asyncio.create_task(first.run())
    await asyncio.wait_for(first.leads.wait(), 10)
    following = asyncio.create_task(second.run())
    await asyncio.wait_for(second.leads.wait(), 30)
    for task in (leading, following):
        task.cancel()
    await asyncio.gather(leading, following, return_exceptions=True)
    await pool.close()


async def test_a_lost_session_is_no_surprise(database, caplog):
    settings = GatewaySettings(database_url=database, reconcile_interval_s=0.1)
    pool = Database(database, 2)
    leader = Watched(settings, pool, None)
    leading = asyncio.create_task(leader.run())
    await asyncio.wait_for(leader.leads.wait(), 10)
    async with pool.transaction() as tx:
        lost = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "JOIN pg_database ON pg_database.oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert (await tx.execute(lost)).scalar_one()
    leader.leads.clear()
    await asyncio.wait_for(leader.leads.wait(), 10)
    await until(lambda: "reconciler: DEPENDENCY_DOWN" in caplog.text)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    await pool.close()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_job_that_nobody_can_look_at_hides_no_other(open_house, monkeypatch):
    async with open_house(reconcile_interval_s=0.1, pending_limit_s=0.3) as house:
        project_id = await house.project()
        bad, good = [
            (await house.upload(project_id, f"{n}.mp3", MEDIA_TYPE_AUDIO)).job.id for n in range(2)
        ]
        look_at = Reconciler._look_at

        async def stumble(self, row):
            if row.job.id == bad:
                raise RuntimeError("unforeseen")
            await look_at(self, row)

        monkeypatch.setattr(Reconciler, "_look_at", stumble)
        await until(lambda: _queued(house, 2))
        await house.bus.js.purge_stream(JOBS)
        database = Database(house.settings.database_url.get_secret_value(), 1)
        async with database.transaction() as tx:  # the quietest is looked at first
            await tx.execute(
                sa.update(table)
                .where(table.c.id == bad)
                .values(last_event_time=sa.func.now() - sa.text("interval '1 hour'"))
            )
        await database.close()
        await until(lambda: _queued(house, 1))
        assert (await house.take(good)).job_id == good


async def _queued(house, count: int) -> bool:
    return await house.queued() == count
