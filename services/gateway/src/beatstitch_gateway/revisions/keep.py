"""Makes a revision the newest one, unless somebody else was quicker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.keys import artefact_key, tenant_prefix
from beatstitch_gateway.db import projects, timelines
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_runtime.storage import Storage

Reply = TypeVar("Reply")
TRIES = 3


class ChangedMeanwhileError(Exception):
    """Another revision with the same EDL is the newest by now: the work has to be done on it."""


async def repeated(work: Callable[[], Awaitable[Reply]]) -> Reply:
    """Does `work` again while `ChangedMeanwhileError` comes out of it.

    Raises:
        BeatStitchError: EDL_HASH_MISMATCH after too many tries; and what `work` raises.
    """
    for _ in range(TRIES):
        try:
            return await work()
        except ChangedMeanwhileError:
            continue
    raise hash_mismatch("", "")


def need_hash(newest: Timeline | None, provided: str) -> None:
    """Nothing, when the caller knows the newest revision.

    Raises:
        BeatStitchError: EDL_HASH_MISMATCH.
    """
    current = newest.edl_hash if newest is not None else ""
    if provided != current:
        raise hash_mismatch(provided, current)


def hash_mismatch(provided: str, current: str) -> BeatStitchError:
    """EDL_HASH_MISMATCH."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDL_HASH_MISMATCH,
        "the edl_hash is not the one of the project's newest timeline",
        metadata={"provided": provided, "current": current},
    )


async def lock_newest(tx: Transaction, tenant: str, project_id: str) -> Timeline | None:
    """The newest revision, which stays that until the transaction's end.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND.
    """
    await projects.get(tx, tenant, project_id, lock=True)
    return await timelines.head(tx, tenant, project_id)


def need_same(seen: Timeline | None, newest: Timeline | None) -> None:
    """Nothing, when what was worked on is still the newest.

    Raises:
        BeatStitchError: EDL_HASH_MISMATCH: somebody else won.
        ChangedMeanwhileError: Likewise, yet with the same EDL: the caller still means the newest.
    """
    if (seen.id if seen is not None else "") == (newest.id if newest is not None else ""):
        return
    need_hash(newest, seen.edl_hash if seen is not None else "")
    raise ChangedMeanwhileError


async def ensure_stored(storage: Storage, row: TimelineRow) -> None:
    """Puts a revision's EDL where workers look for it, unless it is still there.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN.
    """
    key = row.edl_object.key
    if not await storage.exists(key):
        await storage.put(key, await asyncio.to_thread(canonical_json, row.parse_edl()))


class Stored:
    """An EDL on its way into storage: workers look for its canonical JSON there.

    The bytes are under way while the transaction is; `done` before its end, so that a revision
    without its object is never committed. An object without a revision does no harm.
    """

    def __init__(self, storage: Storage, tenant: str, data: bytes) -> None:
        self.sha256 = sha256_hex(data)
        self.object = ObjectRef(
            key=artefact_key(tenant_prefix(tenant), "edl", self.sha256, ".json"),
            sha256=self.sha256,
            size_bytes=len(data),
        )
        self._task = asyncio.ensure_future(storage.put(self.object.key, data))

    @classmethod
    async def begin(cls, storage: Storage, tenant: str, edl: Edl) -> Stored:
        """Begins to store an EDL."""
        return cls(storage, tenant, await asyncio.to_thread(canonical_json, edl))

    async def done(self) -> None:
        """Waits until it is there.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        await self._task

    async def close(self) -> None:
        """Leaves no task behind, whatever happened."""
        await asyncio.gather(self._task, return_exceptions=True)
