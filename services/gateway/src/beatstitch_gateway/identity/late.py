"""What is written after the call that it is about: the audit log, and when keys were last used.

A call only leaves a note in memory; once a second, and at the end of a drain, all notes go to the
database together. What a crash (kill -9, a lost node) takes away is the notes since then: those of
a second, or of an outage of the database, of which MAX_EVENTS are kept. The access log on standard
output has every call as well, so nothing happens without a trace.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from itertools import islice

from beatstitch.v1.tenant_pb2 import AuditEvent
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import api_keys, audit
from beatstitch_gateway.db.transaction import Database
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
BATCH = 500
MAX_EVENTS = 20_000
CLEAN_EVERY_S = 3600.0
CLOSE_S = 5.0
DAY_US = 24 * 3600 * 1_000_000


class LateWriter:
    """Takes notes, and writes them down.

    Args:
        database: Where to.
        keep_days: How long audit events are kept; 0 for ever.
    """

    def __init__(self, database: Database, keep_days: int) -> None:
        self._database = database
        self._keep_days = keep_days
        self._events: deque[AuditEvent] = deque()
        self._lost = 0
        self._used: set[str] = set()
        self._full = asyncio.Event()
        self._writing = asyncio.Lock()
        self._clean_at = time.monotonic()

    def note(self, event: AuditEvent) -> None:
        """Keeps an event until it is written; the oldest is dropped when there are too many."""
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)
        if len(self._events) >= BATCH:
            self._full.set()

    def used(self, key_id: str) -> None:
        """Keeps that a key was used."""
        self._used.add(key_id)

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            try:
                await self.flush()
                await self._clean()
            except BeatStitchError as error:
                log.info("the audit log waits: %s", error, extra={"events": len(self._events)})
                await asyncio.sleep(INTERVAL_S)
            except Exception:
                log.exception("the audit log was not written")
                await asyncio.sleep(INTERVAL_S)
            stop_if_cancelled()

    async def flush(self) -> None:
        """Writes all that is noted.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN; what isn't written stays noted.
        """
        async with self._writing:
            while self._events:
                batch = list(islice(self._events, BATCH))
                async with self._database.transaction() as tx:
                    await audit.insert(tx, batch)
                written = {event.id for event in batch}
                # Meanwhile some of them may have been dropped at the front.
                while self._events and self._events[0].id in written:
                    self._events.popleft()
            if self._lost:
                log.error("audit events were lost", extra={"events": self._lost})
                self._lost = 0
            used = set(self._used)
            if used:
                async with self._database.transaction() as tx:
                    await api_keys.note_used(tx, used)
                self._used -= used

    async def close(self) -> None:
        """Writes the last notes, for some seconds at most."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.flush()
        except (TimeoutError, BeatStitchError):
            log.exception("audit events are lost", extra={"events": len(self._events)})

    async def _clean(self) -> None:
        """Deletes what is too old; more than one replica may do so at once."""
        if not self._keep_days or time.monotonic() < self._clean_at:
            return
        self._clean_at = time.monotonic() + CLEAN_EVERY_S
        before_us = time.time_ns() // 1000 - self._keep_days * DAY_US
        deleted = audit.AT_ONCE
        while deleted >= audit.AT_ONCE:
            async with self._database.transaction() as tx:
                deleted = await audit.delete_before(tx, before_us)
