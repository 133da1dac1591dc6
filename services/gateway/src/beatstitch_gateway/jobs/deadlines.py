"""Gives up jobs whose deadline has passed.

A job that missed its deadline is FAILED (JOB_TIMEOUT) at once; its work is stopped as by a cancel,
and whatever its worker still says comes too late. Every replica looks; whoever holds the job's row
does it.
"""

from __future__ import annotations

import asyncio
import logging

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Database, Transaction
from beatstitch_gateway.jobs.limits import too_late
from beatstitch_gateway.jobs.settle import end_job, failed_event
from beatstitch_gateway.seeing.refusals import late
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

AT_ONCE = 100


class Deadlines:
    """Gives up what is too late."""

    def __init__(self, settings: GatewaySettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                while await self.round():
                    pass
            except BeatStitchError as error:
                log.warning("deadlines: %s", error)
            except Exception:
                log.exception("deadlines")
            stop_if_cancelled()
            await asyncio.sleep(self._settings.deadline_interval_s)

    async def round(self) -> bool:
        """Gives up what is too late now; True when there may be more."""
        async with self._database.transaction() as tx:
            found = await jobs.overdue(tx, AT_ONCE)
        for job_id in found:
            async with self._database.transaction() as tx:
                await _give_up(tx, job_id)
        return len(found) == AT_ONCE


async def _give_up(tx: Transaction, job_id: str) -> None:
    row = await jobs.lock_family(tx, job_id)
    if row is None or row.finished:
        return
    error = too_late(row.job)
    log.warning("given up at its deadline", extra={"job_id": job_id, "tenant": row.tenant})
    late(row.job.type)
    await end_job(tx, row, failed_event(row, error.to_failure()))
