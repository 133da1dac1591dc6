"""Cleans now and then, in one replica at a time: the holder of an advisory lock.

The same lock keeps apart whoever cleans: this loop, an operator's call, the command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from beatstitch.v1 import failure_pb2
from beatstitch.v1.admin_service_pb2 import CleanupReason, CleanupRequest, CleanupResponse
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.retention.sweep import Sweeper
from beatstitch_gateway.retention.totals import Totals
from beatstitch_gateway.seeing import cleaned
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

LOCK = 0x636C6561  # "clea"
BUSY_RETRY_S = 5.0


class Cleaner:
    """The loop, and what the call and the command do.

    Args:
        settings: The interval; 0 for no loop, where a CronJob cleans.
        database: For the lock.
        sweeper: Who does it.
    """

    def __init__(self, settings: GatewaySettings, database: Database, sweeper: Sweeper) -> None:
        self._settings, self._database, self._sweeper = settings, database, sweeper

    async def run(self) -> None:
        """Works until it is cancelled."""
        interval_s = self._settings.retention_interval_s
        while interval_s > 0:
            await asyncio.sleep(interval_s)
            try:
                async with self._leading() as leads:
                    if leads:
                        await self._round()
            except BeatStitchError as error:
                log.warning("cleaning: %s", error)
                cleaned.ended(done=False)
            except Exception:
                log.exception("cleaning")
                cleaned.ended(done=False)
            stop_if_cancelled()

    async def clean(self, request: CleanupRequest) -> CleanupResponse:
        """Cleans at once, or says what that would remove.

        Raises:
            BeatStitchError: FIELD_INVALID; TENANT_NOT_FOUND; DEPENDENCY_DOWN, also while another
                one cleans.
        """
        for index, reason in enumerate(request.reasons):
            if reason not in CleanupReason.values() or not reason:
                raise field_error(f"reasons[{index}]", "is not known")
        tenants = await self._sweeper.tenants()
        if request.tenant_id:
            if request.tenant_id not in tenants:
                raise not_found(
                    failure_pb2.ERROR_REASON_TENANT_NOT_FOUND, "tenant", request.tenant_id
                )
            tenants = [request.tenant_id]
        totals = Totals()
        async with self._leading() as leads:
            if not leads and not request.dry_run:
                raise BeatStitchError(
                    failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
                    "the bucket is being cleaned already",
                    metadata={"dependency": "cleaning"},
                    retry_after_s=BUSY_RETRY_S,
                )
            for tenant in tenants:
                await self._sweeper.sweep(
                    tenant, totals, dry_run=request.dry_run, reasons=tuple(request.reasons)
                )
        return totals.reply()

    async def _round(self) -> None:
        totals = Totals()
        for tenant in await self._sweeper.tenants():
            await self._sweeper.sweep(tenant, totals)
        cleaned.ended(done=True)
        for total in totals.reply().totals:
            name = CleanupReason.Name(total.reason).removeprefix("CLEANUP_REASON_")
            log.info("cleaned: %s", name, extra={"count": total.count, "bytes": total.bytes})

    @asynccontextmanager
    async def _leading(self) -> AsyncIterator[bool]:
        async with self._database.connection() as connection:
            lock = sa.select(sa.func.pg_try_advisory_lock(LOCK))
            leads = bool((await connection.execute(lock)).scalar_one())
            try:
                yield leads
            finally:
                if leads:
                    # The connection goes back to the pool and must not take the lock along.
                    with suppress(DBAPIError, OSError):
                        await connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))
