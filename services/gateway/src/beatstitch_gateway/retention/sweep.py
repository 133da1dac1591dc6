"""Cleans one tenant's part of the bucket: lists, reads, decides, and does what was decided.

Rows are changed first, then objects go: a crash in between leaves objects that the next round
finds, never a row that promises what is gone. Right before they go, objects are looked at again, in
small batches: one that was used meanwhile is young and stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import TypeVar

from beatstitch.v1 import admin_service_pb2
from beatstitch.v1.admin_service_pb2 import CleanupReason
from beatstitch_core.keys import tenant_prefix
from beatstitch_gateway.db import cache_sizes
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.retention import cache, rows
from beatstitch_gateway.retention import policy as policies
from beatstitch_gateway.retention.decide import RECORDS, Decision, Removal, decide
from beatstitch_gateway.retention.needs import open_needs
from beatstitch_gateway.retention.totals import Totals
from beatstitch_gateway.retention.world import World, read_world
from beatstitch_gateway.seeing import cleaned
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_runtime.storage import Storage, Stored

log = logging.getLogger(__name__)

R = admin_service_pb2
BATCH = 200
T = TypeVar("T")
Reasons = Collection[CleanupReason.ValueType]


class Sweeper:
    """Cleans tenants, one at a time.

    Args:
        settings: How long things are kept where a tenant has no policy of its own.
        database: The rows.
        storage: The bucket.
        multipart: Its unfinished uploads.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        storage: Storage,
        multipart: Multipart,
    ) -> None:
        self.settings, self.database = settings, database
        self.storage, self.multipart = storage, multipart

    async def tenants(self) -> list[str]:
        """All there are."""
        async with self.database.transaction() as tx:
            return await rows.tenants(tx)

    async def sweep(
        self, tenant: str, totals: Totals, *, dry_run: bool = False, reasons: Reasons = ()
    ) -> None:
        """Cleans one tenant's part.

        Args:
            tenant: Whose.
            totals: Gets what was removed, or would be.
            dry_run: Only says what would be removed, and notes nothing.
            reasons: Only for these reasons; empty for all.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        world, decision, cache_bytes = await self._decide(tenant)
        totals.kept_for_jobs += decision.kept_for_jobs
        sweep = _Sweep(
            self, tenant, totals, frozenset(reasons) or frozenset(R.CleanupReason.values())
        )
        if dry_run:
            sweep.tell(decision)
        else:
            await sweep.do(world, decision)
            async with self.database.transaction() as tx:
                await cache_sizes.put(tx, tenant, cache_bytes - sweep.cache_removed)

    async def _decide(self, tenant: str) -> tuple[World, Decision, int]:
        prefix = tenant_prefix(tenant)
        unfinished = await self.multipart.unfinished(prefix)
        objects = [item async for item in self.storage.inventory(prefix)]
        async with self.database.transaction() as tx:
            world = await read_world(tx, tenant)
            policy = await policies.of(tx, self.settings, tenant)
        # A tenant may have a hundred thousand objects.
        now = datetime.now(UTC)
        decision = await asyncio.to_thread(decide, objects, unfinished, world, policy, now)
        return world, decision, await asyncio.to_thread(cache.size_of, objects, prefix)


class _Sweep:
    """What was decided for one tenant, on its way.

    Attributes:
        cache_removed: Bytes of the cache that went.
    """

    def __init__(self, tools: Sweeper, tenant: str, totals: Totals, reasons: Reasons) -> None:
        self._tools, self._tenant = tools, tenant
        self._totals, self._reasons = totals, reasons
        self.cache_removed = 0

    def tell(self, decision: Decision) -> None:
        """Counts what would be done."""
        for removal in decision.removals:
            self._count(removal.reason, removal.object.key, removal.object.size_bytes)
        for abort in decision.aborts:
            self._count(R.CLEANUP_REASON_TEMPORARY, abort.key)
        lost = [output.render_id for output in decision.missing_outputs]
        for name in (*lost, *decision.missing_proxies, *decision.missing_inputs):
            self._count(R.CLEANUP_REASON_ORPHAN_ROW, name)

    async def do(self, world: World, decision: Decision) -> None:
        """Does it."""
        await self._expire(decision)
        await self._forget_proxies(world, decision)
        await self._remove(decision)
        await self._abort(decision)
        if R.CLEANUP_REASON_ORPHAN_ROW in self._reasons:
            await self._correct(decision)

    def _count(self, reason: CleanupReason.ValueType, example: str, size_bytes: int = 0) -> None:
        if reason in self._reasons:
            self._totals.add(reason, example, size_bytes)

    async def _expire(self, decision: Decision) -> None:
        wanted = [id_ for id_, reason in decision.expired.items() if reason in self._reasons]
        for part in _batched(wanted):
            async with self._tools.database.transaction() as tx:
                await rows.expire(tx, self._tenant, part)

    async def _forget_proxies(self, world: World, decision: Decision) -> None:
        if R.CLEANUP_REASON_PROXY_EXPIRED not in self._reasons:
            return
        gone = [
            removal.object.key
            for removal in decision.removals
            if removal.reason == R.CLEANUP_REASON_PROXY_EXPIRED
        ]
        for key in gone:
            async with self._tools.database.transaction() as tx:
                await rows.forget_proxy(tx, self._tenant, key, world.proxies.get(key, ()))

    async def _remove(self, decision: Decision) -> None:
        wanted = [removal for removal in decision.removals if removal.reason in self._reasons]
        prefix = tenant_prefix(self._tenant)

        def is_record(removal: Removal) -> bool:
            return cache.kind_of(removal.object.key, prefix) in RECORDS

        for _, group in groupby(wanted, is_record):
            for part in _batched(group):
                await self._remove_batch(part)

    async def _remove_batch(self, part: Iterable[Removal]) -> None:
        async with self._tools.database.transaction() as tx:
            needs = await open_needs(tx, self._tenant)
        unneeded = [removal for removal in part if removal.object.key not in needs.keys]
        now = await asyncio.gather(
            *(self._tools.storage.stat(removal.object.key) for removal in unneeded)
        )
        unused = [
            removal for removal, found in zip(unneeded, now, strict=True) if found == removal.object
        ]
        if not unused:
            return
        await self._tools.storage.delete([removal.object.key for removal in unused])
        gone = (removal.object for removal in unused)
        self.cache_removed += cache.size_of(gone, tenant_prefix(self._tenant))
        for removal in unused:
            self._count(removal.reason, removal.object.key, removal.object.size_bytes)
            cleaned.removed(removal.reason, removal.object.size_bytes)

    async def _abort(self, decision: Decision) -> None:
        if R.CLEANUP_REASON_TEMPORARY not in self._reasons:
            return
        for abort in decision.aborts:
            if abort.asset_id:
                async with self._tools.database.transaction() as tx:
                    policy = await policies.of(tx, self._tools.settings, self._tenant)
                    forgotten = await rows.forget_upload(
                        tx,
                        self._tenant,
                        abort.asset_id,
                        datetime.now(UTC),
                        policy.temporary or timedelta(),
                    )
                if not forgotten:
                    continue
                await self._tools.storage.delete([abort.key])
            if abort.upload_id:
                await self._tools.multipart.abort(abort.key, abort.upload_id)
            self._count(R.CLEANUP_REASON_TEMPORARY, abort.key)
            cleaned.removed(R.CLEANUP_REASON_TEMPORARY, 0)

    async def _correct(self, decision: Decision) -> None:
        """Rows whose objects are gone, each looked for once more: the list may be older."""
        for output in decision.missing_outputs:
            if await self._is_gone(output.key):
                async with self._tools.database.transaction() as tx:
                    corrected = await rows.expire(tx, self._tenant, [output.render_id])
                if corrected:
                    self._corrected("render", output.render_id)
        for key, asset_ids in decision.missing_proxies.items():
            if await self._is_gone(key):
                async with self._tools.database.transaction() as tx:
                    count = await rows.forget_proxy(tx, self._tenant, key, asset_ids)
                if count:
                    self._corrected("proxy", key)
        for key in decision.missing_inputs:
            if await self._is_gone(key):
                async with self._tools.database.transaction() as tx:
                    lost = await rows.lose_input(tx, self._tenant, key.rpartition("/")[2])
                if lost:
                    self._corrected("asset", key)

    async def _is_gone(self, key: str) -> bool:
        found: Stored | None = await self._tools.storage.stat(key)
        return found is None

    def _corrected(self, kind: str, name: str) -> None:
        log.warning("a row named an object that is gone: corrected", extra={kind: name})
        self._count(R.CLEANUP_REASON_ORPHAN_ROW, name)
        cleaned.removed(R.CLEANUP_REASON_ORPHAN_ROW, 0)


def _batched(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, BATCH at a time."""
    rest = iter(items)
    while part := list(islice(rest, BATCH)):
        yield part
