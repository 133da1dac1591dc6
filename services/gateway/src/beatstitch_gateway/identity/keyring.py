"""API keys: looked up, compared, and remembered for a few seconds.

A key that is known costs a look into a dictionary and one SHA-256. What is remembered is the whole
answer, tenant's suspension included, so all of it is at most `key_cache_s` old in every replica.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from beatstitch_gateway.auth import Caller, unauthenticated
from beatstitch_gateway.db import api_keys
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.keys import ApiKey

MAX_CACHED = 10_000
# Keys that nobody knows must not take all of the database's connections from those who are known.
MAX_LOOKUPS = 4
_NOBODY = ApiKey("", "")


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    secret_sha256: bytes
    caller: Caller


class KeyRing:
    """Who calls with which key.

    Args:
        database: Where the keys are.
        cache_s: How long an answer of the database is good, seconds.
        on_use: Told the id of a key whose last use has to be written down.
    """

    def __init__(
        self, database: Database, cache_s: float, on_use: Callable[[str], None] = lambda _id: None
    ) -> None:
        self._database = database
        self._cache_s = cache_s
        self._on_use = on_use
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Task[_Known | None]] = {}
        self._lookups = asyncio.Semaphore(MAX_LOOKUPS)

    async def caller_of(self, text: str) -> Caller:
        """Whose key this is.

        Raises:
            BeatStitchError: UNAUTHENTICATED, with the same words whatever is wrong;
                DEPENDENCY_DOWN.
        """
        key = ApiKey.parse(text)
        known = await self._find(key.key_id) if key is not None else None
        # A key that doesn't exist is compared too: the time must not tell that it doesn't.
        proven = (key or _NOBODY).proves(known.secret_sha256 if known is not None else b"")
        if known is None or not proven:
            raise unauthenticated("the API key is not valid")
        return known.caller

    def forget(self, key_id: str = "") -> None:
        """Asks the database again for a key, or for all."""
        if key_id:
            self._known.pop(key_id, None)
        else:
            self._known.clear()

    async def _find(self, key_id: str) -> _Known | None:
        known = self._known.get(key_id)
        if known is not None and known.until > time.monotonic():
            return known
        # All that come meanwhile wait for the same answer. It isn't cancelled with who asked first.
        asked = self._asked.get(key_id)
        if asked is None:
            asked = self._asked[key_id] = asyncio.create_task(self._ask(key_id))
            asked.add_done_callback(lambda _task: self._asked.pop(key_id, None))
        return await asyncio.shield(asked)

    async def _ask(self, key_id: str) -> _Known | None:
        begun = time.monotonic()
        async with self._lookups, self._database.transaction() as tx:
            row = await api_keys.find(tx, key_id)
        if row is None:
            self._known.pop(key_id, None)
            return None
        good_s = self._cache_s if row.left_s is None else min(self._cache_s, row.left_s)
        caller = Caller(
            tenant=row.tenant,
            principal=f"key:{key_id}",
            role=row.role,
            project_ids=row.project_ids,
            suspended=row.suspended,
        )
        known = _Known(begun + good_s, row.secret_sha256, caller)
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[key_id] = known
        if not row.used_lately:
            self._on_use(key_id)
        return known
