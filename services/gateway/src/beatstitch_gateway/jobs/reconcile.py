"""The reconciler: finds jobs that nobody works on any more.

One replica at a time does it: the holder of an advisory lock, which ends with its session; and the
session ends when its holder is silent, hung or cut off. Losing all of NATS' data costs time and no
job: the rows know what was wanted.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.exc import SQLAlchemyError

from beatstitch.v1 import job_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, batches, idempotency, jobs, outbox, uploads
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs.aftermath import drop_work
from beatstitch_gateway.jobs.apply import finish
from beatstitch_gateway.jobs.assets import note_end
from beatstitch_gateway.jobs.dead import find_message
from beatstitch_gateway.jobs.settle import wake_stitches
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.stitch.drive import advance_stitch
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

LOCK = 0x73746974  # "stit": our own number among the database's advisory locks
UPLOADS_AT_ONCE = 100
# A leader that says nothing for so long, beyond the pause between two rounds, leads no more.
LEAD_LOST_S = 60.0


class Reconciler:
    """Looks for lost jobs, while it holds the lock."""

    def __init__(self, settings: GatewaySettings, database: Database, bus: Bus) -> None:
        self._settings = settings
        self._database = database
        self._bus = bus

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                await self._lead()
            except BeatStitchError as error:
                log.warning("reconciler: %s", error)
            except Exception:
                log.exception("reconciler")
            stop_if_cancelled()
            await asyncio.sleep(self._settings.reconcile_interval_s)

    async def _lead(self) -> None:
        async with self._database.connection() as connection:
            lock = sa.select(sa.func.pg_try_advisory_lock(LOCK))
            if not (await connection.execute(lock)).scalar_one():
                return
            log.info("this replica reconciles")
            silent_s = LEAD_LOST_S + self._settings.reconcile_interval_s
            try:
                await connection.execute(
                    sa.text(f"SET idle_session_timeout = {int(silent_s * 1000)}")
                )
                while True:
                    await self.round()
                    stop_if_cancelled()
                    await asyncio.sleep(self._settings.reconcile_interval_s)
                    # A lost session is a lost lock: this raises then.
                    await connection.execute(sa.select(1))
            finally:
                # The connection goes back to the pool and must not take the lock along. A session
                # that is lost has lost its lock.
                with suppress(SQLAlchemyError, OSError):
                    await connection.execute(sa.text("RESET idle_session_timeout"))
                    await connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))

    async def round(self) -> None:
        """Looks at everything once."""
        for row in await self._silent():
            try:
                await self._look_at(row)
            except BeatStitchError as error:
                log.warning("not reconciled: %s", error, extra={"job_id": row.job.id})
            except Exception:
                # One job that nobody can look at must not hide all those behind it.
                log.exception("not reconciled", extra={"job_id": row.job.id})
        await self._tidy()

    async def _silent(self) -> list[JobRow]:
        now = datetime.now(UTC)
        settings = self._settings
        async with self._database.transaction() as tx:
            return await jobs.silent(
                tx,
                pending=now - timedelta(seconds=settings.pending_limit_s),
                running=now - timedelta(seconds=settings.running_limit_s),
                cancelled=now - timedelta(seconds=settings.cancel_limit_s),
                stitch=now - timedelta(seconds=settings.reconcile_interval_s),
            )

    async def _look_at(self, row: JobRow) -> None:
        if row.is_stitch:
            async with self._database.transaction() as tx:
                await jobs.touch(tx, row.job.id)
                await advance_stitch(tx, row.job.id)
        elif row.job.cancel_requested:
            await self._end_cancelled(row)
        elif not await self._still_queued(row):
            await self._publish_again(row)

    async def _still_queued(self, row: JobRow) -> bool:
        """Whether a message of the job lies in JOBS: it waits, or a worker holds it."""
        if row.stream_seq is None:
            return False
        # After a loss of all data the sequences begin again: the number may be another job's.
        spec = await find_message(self._bus, row.stream_seq)
        if spec is None or spec.job_id != row.job.id:
            return False
        async with self._database.transaction() as tx:
            await jobs.touch(tx, row.job.id)
        return True

    async def _publish_again(self, seen: JobRow) -> None:
        async with self._database.transaction() as tx:
            row = await jobs.lock_family(tx, seen.job.id)
            if row is None or row.finished or row.attempt != seen.attempt:
                return
            await jobs.touch(tx, row.job.id)
            if await outbox.has_row(tx, row.job.id):
                return  # the relay has it
            attempt = row.attempt if row.stream_seq is None else row.attempt + 1
            await outbox.insert(tx, row.tenant, row.job, attempt)
            log.warning(
                "a job's message is lost: published again",
                extra={"job_id": row.job.id, "attempt": attempt},
            )

    async def _end_cancelled(self, seen: JobRow) -> None:
        """Nobody said that it stopped: its worker is lost, or the cancel was."""
        await drop_work(self._bus, seen.job.id, seen.stream_seq)
        async with self._database.transaction() as tx:
            row = await jobs.lock_family(tx, seen.job.id)
            if row is None or row.finished:
                return
            now = Timestamp()
            now.GetCurrentTime()
            row.job.detail = ""
            finish(row.job, job_pb2.JOB_STATE_CANCELLED, now)
            await note_end(tx, row)
            await jobs.save(tx, row)
            await wake_stitches(tx, row)

    async def _tidy(self) -> None:
        """Forgets old replies, and uploads that nobody completed."""
        now = datetime.now(UTC)
        async with self._database.transaction() as tx:
            keep = timedelta(seconds=self._settings.request_id_retention_s)
            await idempotency.delete_before(tx, now - keep)
            await batches.delete_before(tx, now - keep)
            ended = now - timedelta(seconds=self._settings.upload_retention_s)
            for tenant, asset_id in await uploads.forgotten(tx, ended, UPLOADS_AT_ONCE):
                row = await assets.find(tx, tenant, asset_id, lock=True)
                if row is None:
                    continue
                tx.after.unwanted_uploads += await uploads.open_in(tx, tenant, asset_id=asset_id)
                tx.after.unwanted_keys.append(row.key)
                await assets.delete(tx, tenant, asset_id)
