"""What replicas tell each other while it happens: rows that changed, and workers' progress.

Core NATS, not stored: whoever misses a signal finds the row by itself soon after. Each replica has
one subscription of each kind, however many clients watch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Collection

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from beatstitch.internal.v1.job_event_pb2 import JobProgress
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.subjects import (
    CHANGED_SUBJECTS,
    PROGRESS_SUBJECTS,
    changed_subject,
)

log = logging.getLogger(__name__)

MAX_PROGRESS = 10_000
PROGRESS_AGE_S = 120.0


def tenant_key(tenant: str) -> str:
    """What to watch for signals of any of a tenant's jobs."""
    return f"tenant {tenant}"


class Watch:
    """What one watcher waits for. Made by `Signals.watch`; end it with `close`."""

    def __init__(self, signals: Signals, job_ids: Collection[str]) -> None:
        self._signals = signals
        self._anything = asyncio.Event()
        self._row = asyncio.Event()
        self.job_ids: set[str] = set()
        self.add(job_ids)

    def add(self, job_ids: Collection[str]) -> None:
        """Waits for these jobs too."""
        for job_id in set(job_ids) - self.job_ids:
            self._signals.watches.setdefault(job_id, set()).add(self)
            self.job_ids.add(job_id)

    def notify(self, *, row_changed: bool) -> None:
        """Something happened to one of the jobs."""
        self._anything.set()
        if row_changed:
            self._row.set()

    async def wait(self, timeout_s: float, *, quiet_s: float = 0.0) -> bool:
        """Waits for a signal.

        Args:
            timeout_s: How long at most.
            quiet_s: How long to hear of changed rows only, and not of progress.

        Returns:
            Whether to look at the row: it changed, or nobody said anything.
        """
        changed = quiet_s > 0 and await _heard(self._row, quiet_s)
        heard = changed or await _heard(self._anything, timeout_s)
        changed = self._row.is_set()
        self._anything.clear()
        self._row.clear()
        return changed or not heard

    def close(self) -> None:
        """Waits for nothing any more."""
        for job_id in self.job_ids:
            others = self._signals.watches.get(job_id)
            if others is not None:
                others.discard(self)
                if not others:
                    del self._signals.watches[job_id]


async def _heard(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Signals:
    """The switchboard of a replica.

    Attributes:
        watches: Who waits, by job and by `tenant_key`.
        draining: Whether this replica is shutting down: watchers go elsewhere.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._progress: OrderedDict[str, tuple[float, JobProgress]] = OrderedDict()
        self._subscriptions: list[Subscription] = []
        self.watches: dict[str, set[Watch]] = {}
        self.draining = False

    async def start(self) -> None:
        """Begins to listen."""
        nc = self._bus.nc
        self._subscriptions = [
            await nc.subscribe(CHANGED_SUBJECTS, cb=self._on_changed),
            await nc.subscribe(PROGRESS_SUBJECTS, cb=self._on_progress),
        ]

    async def stop(self) -> None:
        """Ends all watches with DRAINING and stops listening."""
        self.drain()
        for subscription in self._subscriptions:
            try:
                await subscription.unsubscribe()
            except nats.errors.Error:  # the connection is gone, and the subscription with it
                log.debug("subscription ended with the connection")
        self._subscriptions = []

    def drain(self) -> None:
        """Sends all watchers to another replica."""
        self.draining = True
        for watches in list(self.watches.values()):
            for watch in list(watches):
                watch.notify(row_changed=True)

    def watch(self, job_ids: Collection[str]) -> Watch:
        """Begins to wait for signals of some jobs."""
        return Watch(self, job_ids)

    def progress_of(self, job_id: str) -> JobProgress | None:
        """What a job's worker last told, unless that is too long ago."""
        found = self._progress.get(job_id)
        if found is None or time.monotonic() - found[0] > PROGRESS_AGE_S:
            return None
        return found[1]

    def forget(self, job_id: str) -> None:
        """Drops the progress of a job that ended."""
        self._progress.pop(job_id, None)

    async def changed(self, tenant: str, job_id: str) -> None:
        """Tells all replicas that a job's row changed; while NATS is away only this one."""
        self._notify(tenant, job_id, row_changed=True)
        if not self._bus.connected:
            return
        try:
            await self._bus.nc.publish(changed_subject(tenant, job_id), b"")
        except nats.errors.Error as error:
            log.debug("other replicas will find the change by polling: %r", error)

    async def _on_changed(self, message: Msg) -> None:
        tenant, job_id = message.subject.split(".")[2:4]
        self._notify(tenant, job_id, row_changed=True)

    async def _on_progress(self, message: Msg) -> None:
        try:
            progress = JobProgress.FromString(message.data)
        except DecodeError:
            log.warning("unreadable progress on %s", message.subject)
            return
        self._progress[progress.job_id] = (time.monotonic(), progress)
        self._progress.move_to_end(progress.job_id)
        while len(self._progress) > MAX_PROGRESS:
            self._progress.popitem(last=False)
        self._notify(message.subject.split(".")[2], progress.job_id, row_changed=False)

    def _notify(self, tenant: str, job_id: str, *, row_changed: bool) -> None:
        for key in (job_id, tenant_key(tenant)):
            for watch in list(self.watches.get(key, ())):
                watch.notify(row_changed=row_changed)
