"""Bytes in the bucket, by tenant and kind of object.

Counted from the bucket itself, slowly and now and then, by one replica at a time: artefacts have no
rows, and what costs money is what lies there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.metrics.declare import gauge
from beatstitch_runtime.storage import Storage
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

LOCK = 0x73746F72  # "stor"
# Series for so many tenants, the largest; the rest is one, OTHERS.
MOST_TENANTS = 100
OTHERS = "_others"
KINDS = frozenset(
    {"in", "grid", "waveform", "activations", "probe", "thumb", "strip", "proxy", "edl"}
    | {"chunk", "audio", "out", "picture", "proof"}
)

_stored = gauge(
    "beatstitch_stored_bytes",
    "Bytes in the bucket by tenant (the 100 largest, the rest as _others) and kind of object; "
    "counted by one replica every BEATSTITCH_STORED_INTERVAL_S seconds.",
    ("tenant", "kind"),
)


def sums(objects: list[tuple[str, int]], into: Counter[tuple[str, str]]) -> None:
    """Adds the sizes of objects to the sums by tenant and kind; what is no key of ours is left."""
    for key, size in objects:
        top, _, rest = key.partition("/")
        tenant, _, rest = rest.partition("/")
        kind = rest.partition("/")[0]
        if top == "t" and tenant and rest:
            into[tenant, kind if kind in KINDS else "other"] += size


def cut_off(found: Counter[tuple[str, str]], most: int) -> Counter[tuple[str, str]]:
    """The same, tenants but the `most` largest together as OTHERS."""
    totals: Counter[str] = Counter()
    for (tenant, _), size in found.items():
        totals[tenant] += size
    named = {tenant for tenant, _ in totals.most_common(most)}
    kept: Counter[tuple[str, str]] = Counter()
    for (tenant, kind), size in found.items():
        kept[tenant if tenant in named else OTHERS, kind] += size
    return kept


class StoredBytes:
    """Counts now and then, while it holds the lock."""

    def __init__(self, settings: GatewaySettings, database: Database, storage: Storage) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage

    async def run(self) -> None:
        """Works until it is cancelled; at once done where nobody would read the numbers."""
        if not self._settings.metrics_port:
            return
        while True:
            try:
                await self._lead()
            except BeatStitchError as error:
                log.info("the bucket was not counted: %s", error)
            except Exception:
                log.exception("the bucket was not counted")
            stop_if_cancelled()
            await asyncio.sleep(self._settings.stored_interval_s)

    async def _lead(self) -> None:
        async with self._database.connection() as connection:
            lock = sa.select(sa.func.pg_try_advisory_lock(LOCK))
            if not (await connection.execute(lock)).scalar_one():
                return
            try:
                while True:
                    await self.count()
                    await asyncio.sleep(self._settings.stored_interval_s)
                    # A lost session is a lost lock: this raises then.
                    await connection.execute(sa.select(1))
            finally:
                _stored.clear()  # another replica's numbers will be newer
                with suppress(DBAPIError, OSError):
                    await connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))

    async def count(self) -> None:
        """Counts once.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        found: Counter[tuple[str, str]] = Counter()
        async for entry in self._storage.list("t/"):
            sums([entry], found)
        _stored.clear()
        for (tenant, kind), size in cut_off(found, MOST_TENANTS).items():
            _stored.labels(tenant, kind).set(size)
