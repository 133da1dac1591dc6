"""The relay: from the outbox to JetStream.

Every replica runs one; rows that another one holds are skipped. It is woken by each commit with
new rows, and looks by itself now and then for what a dead replica, a full stream or an absent NATS
left over.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import jobs, outbox
from beatstitch_gateway.db.outbox import OutboxRow
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.quotas.limits import TenantLimits
from beatstitch_gateway.seeing.books import published
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

BATCH = 50
# Rows stay locked while their messages are on the way: rather try again soon.
DEADLINE_S = 2.0


class Relay:
    """Publishes what the outbox holds."""

    def __init__(
        self, settings: GatewaySettings, database: Database, bus: Bus, limits: TenantLimits
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to publish."""
        self._wake.set()

    async def run(self) -> None:
        """Works until it is cancelled."""
        stop_listening = self._bus.on_reconnect(self.wake)
        try:
            while True:
                try:
                    async with asyncio.timeout(self._settings.relay_interval_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                await self._empty()
                stop_if_cancelled()
        finally:
            stop_listening()

    async def _empty(self) -> None:
        try:
            while await self.turn():
                pass
        except BeatStitchError as error:
            log.warning("the outbox waits: %s", error)
        except Exception:
            # Whatever it is, the next round must come.
            log.exception("the outbox waits")

    async def turn(self) -> bool:
        """Publishes one batch; True when there may be more."""
        if not self._bus.connected:
            return False
        async with self._database.transaction() as tx:
            cap, caps = self._settings.tenant_jobs_in_flight, await self._limits.caps(tx)
            rows = await outbox.claim(tx, BATCH, cap, caps)
            results = await asyncio.gather(
                *(self._publish(row) for row in rows), return_exceptions=True
            )
            sent = 0
            for row, result in zip(rows, results, strict=True):
                if isinstance(result, int):
                    await jobs.set_message(tx, row.job_id, result, row.attempt)
                    await outbox.delete(tx, row.id)
                    sent += 1
                    continue
                _log_failure(row, result)
                pause = timedelta(seconds=self._settings.relay_retry_s)
                await outbox.postpone(tx, row.id, pause)
        published(sent, len(rows) - sent)
        return sent == BATCH

    async def _publish(self, row: OutboxRow) -> int:
        spec = JobSpec.FromString(row.spec)
        spec.attempt = row.attempt
        # With the attempt in it: JetStream drops an id that it has seen in the last ten minutes.
        msg_id = f"{row.job_id}.{row.attempt}"
        return await publish_job(self._bus, spec, msg_id, deadline_s=DEADLINE_S)


def _log_failure(row: OutboxRow, error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        raise error
    full = (
        isinstance(error, BeatStitchError) and error.reason == failure_pb2.ERROR_REASON_QUEUE_FULL
    )
    level = logging.INFO if full else logging.WARNING
    log.log(level, "not published, trying again: %s", error, extra={"job_id": row.job_id})
