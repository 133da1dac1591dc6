"""Does what a transaction left to do after its commit.

All of it may be lost with the process and is found again: the outbox by the relay, a missed signal
by the watchers' slow poll, a missed cancel and a stitch that wasn't begun by the reconciler.
Objects without a row are the one thing that stays: the bucket's cleaning finds them by their
prefix.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.scope import unlimited
from beatstitch_gateway.db.transaction import Aftermath, Database
from beatstitch_gateway.jobs.relay import Relay
from beatstitch_gateway.jobs.signals import Signals
from beatstitch_gateway.seeing.ends import ended
from beatstitch_gateway.stitch.drive import advance_stitch
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import delete_job_message, publish_cancel
from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)


class AfterCommit:
    """Called with each committed transaction's aftermath; works in the background."""

    def __init__(
        self,
        bus: Bus,
        storage: Storage,
        multipart: Multipart,
        relay: Relay,
        signals: Signals,
        *,
        database: Database,
    ) -> None:
        self._bus = bus
        self._database = database
        self._storage = storage
        self._multipart = multipart
        self._relay = relay
        self._signals = signals
        self._tasks: set[asyncio.Task[None]] = set()
        self._stitching = asyncio.Lock()
        self._closing = False

    def __call__(self, after: Aftermath) -> None:
        """Begins the work; returns at once."""
        if after.queued:
            self._relay.wake()
        for job in after.ended.values():
            ended(job)
        for job_id, tenant in after.changed.items():
            self._begin(self._signals.changed(tenant, job_id))
        for job_id, sequence in after.cancelled.items():
            self._signals.forget(job_id)
            self._begin(drop_work(self._bus, job_id, sequence))
            # Its place in the tenant's share is free.
            self._relay.wake()
        if after.accepted:
            self._begin(self._advance(after.accepted))
        if after.unwanted_keys:
            self._begin(self._storage.delete(after.unwanted_keys))
        for key, upload_id in after.unwanted_uploads:
            self._begin(self._multipart.abort(key, upload_id))

    async def close(self) -> None:
        """Waits for what is under way, a few seconds at most."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _advance(self, stitch_ids: Sequence[str]) -> None:
        """Begins stitches, one after the other: what others wait for goes on meanwhile."""
        for stitch_id in stitch_ids:
            if self._closing:
                return  # the reconciler of another replica finds the rest
            async with self._stitching, self._database.transaction() as tx:
                with unlimited():
                    await advance_stitch(tx, stitch_id)

    def _begin(self, work: Awaitable[object]) -> None:
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def drop_work(bus: Bus, job_id: str, sequence: int | None) -> None:
    """Takes a job's message back and tells whoever runs it to stop.

    The message of a running job goes too, so that its worker's loss doesn't begin it again.
    """
    if sequence is not None:
        await delete_job_message(bus, sequence, job_id)
    await publish_cancel(bus, job_id)


async def _guarded(work: Awaitable[object]) -> None:
    try:
        await work
    except BeatStitchError as error:
        log.warning("left undone after a commit: %s", error)
    except Exception:
        log.exception("left undone after a commit")
