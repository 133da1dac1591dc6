"""Sends what is due, by every replica: who claims a row sends it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from beatstitch.v1.webhook_pb2 import WebhookEvent
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import deliveries, webhooks
from beatstitch_gateway.db.deliveries import DeliveryRow
from beatstitch_gateway.db.transaction import Database, Transaction
from beatstitch_gateway.db.webhooks import WebhookRow
from beatstitch_gateway.etags import stamp
from beatstitch_gateway.seeing.webhooks import sent, tried
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.webhooks.events import body_of
from beatstitch_gateway.webhooks.post import TIMEOUT_S, Poster
from beatstitch_gateway.webhooks.signing import signed_headers
from beatstitch_gateway.webhooks.tries import GIVE_UP_AFTER, Answer, judge
from beatstitch_gateway.webhooks.vault import Vault
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

AT_ONCE = 32
EACH_AT_ONCE = 4
LEASE_S = TIMEOUT_S * 3
KEEP = timedelta(days=7)
TIDY_S = 60.0
TIDY_AT_ONCE = 1000


class Outbound:
    """What it takes to send an event: keys and the way out."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.vault = Vault(settings.webhook_keys.get_secret_value())
        self.poster = Poster(settings.webhook_allowed_networks, settings.webhook_ca_file)
        self._agent = f"BeatStitch-Webhooks/{version('beatstitch-gateway')}"

    async def send(self, row: WebhookRow, event: WebhookEvent) -> Answer:
        """Sends an event once; never raises."""
        try:
            secret = self.vault.open(row.secret, row.webhook.id)
        except ValueError as error:
            return Answer(0, str(error))
        body = body_of(event)
        headers = {
            "content-type": "application/json",
            "user-agent": self._agent,
            **signed_headers(secret, event.id, int(time.time()), body),
        }
        answer = await self.poster.post(row.webhook.url, headers, body)
        tried(taken=answer.taken, answered=bool(answer.status))
        return answer


class Sender:
    """Sends what is due."""

    def __init__(self, settings: GatewaySettings, database: Database) -> None:
        self._database = database
        self._outbound = Outbound(settings)
        self._interval_s = settings.webhook_interval_s
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tidied = 0.0

    async def run(self) -> None:
        """Works until it is cancelled."""
        try:
            while True:
                try:
                    found = await self._round()
                except BeatStitchError as error:
                    log.warning("webhooks wait: %s", error)
                    found = False
                except Exception:
                    log.exception("webhooks wait")
                    found = False
                stop_if_cancelled()
                await asyncio.sleep(0 if found else self._interval_s)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _round(self) -> bool:
        """Begins what is due; True when there may be more."""
        if time.monotonic() - self._tidied > TIDY_S:
            self._tidied = time.monotonic()
            async with self._database.transaction() as tx:
                await deliveries.tidy(tx, KEEP, TIDY_AT_ONCE)
        free = AT_ONCE - len(self._tasks)
        if free <= 0:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            return True
        full = [name for name, number in self._busy.items() if number >= EACH_AT_ONCE]
        async with self._database.transaction() as tx:
            rows = await deliveries.claim(tx, free, EACH_AT_ONCE, full, LEASE_S)
        for row in rows:
            self._busy[row.webhook_id] += 1
            task = asyncio.create_task(self._deliver(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(rows)

    async def _deliver(self, row: DeliveryRow) -> None:
        try:
            await self._send(row)
        except BeatStitchError as error:
            log.warning("a delivery is sent again: %s", error, extra={"delivery_id": row.id})
        except Exception:
            log.exception("a delivery is sent again", extra={"delivery_id": row.id})
        finally:
            self._busy[row.webhook_id] -= 1
            if not self._busy[row.webhook_id]:
                del self._busy[row.webhook_id]

    async def _send(self, row: DeliveryRow) -> None:
        async with self._database.transaction() as tx:
            webhook = await webhooks.find(tx, row.webhook_id)
        if webhook is None or webhook.webhook.disabled:
            return
        answer = await self._outbound.send(webhook, row.event)
        left = (row.give_up_time - datetime.now(UTC)).total_seconds()
        verdict = judge(answer, row.attempts, left)
        log.log(
            logging.DEBUG if answer.taken else logging.INFO,
            "webhook: %s",
            answer.error or answer.status,
            extra={"webhook_id": row.webhook_id, "delivery_id": row.id, "tenant": webhook.tenant},
        )
        async with self._database.transaction() as tx:
            # In the order of everybody else: the webhook before its deliveries.
            held = await webhooks.find(tx, row.webhook_id, lock=True)
            if held is None or not await deliveries.settle(tx, row, answer, verdict):
                return
            if answer.taken:
                await webhooks.note_success(tx, row.webhook_id)
                sent(row.event)
            elif verdict.gone or (verdict.pause_s is None and await _dead(tx, row)):
                await _disable(tx, held)


async def _dead(tx: Transaction, row: DeliveryRow) -> bool:
    """Whether the receiver took nothing for as long as this delivery was tried."""
    return await deliveries.all_failed_since(tx, row.webhook_id, row.give_up_time - GIVE_UP_AFTER)


async def _disable(tx: Transaction, row: WebhookRow) -> None:
    if row.webhook.disabled:
        return
    row.webhook.disabled = True
    stamp(row.webhook)
    await webhooks.save(tx, row.webhook)
    log.warning(
        "a webhook is disabled: its receiver wants nothing, or was away for days",
        extra={"webhook_id": row.webhook.id, "tenant": row.tenant},
    )
