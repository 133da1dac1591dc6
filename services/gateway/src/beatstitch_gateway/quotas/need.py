"""May a tenant have more? Asked at the beginning of a transaction that takes more.

Two speeds. While less than half of a quota is used, calls of a tenant don't wait for one another: a
count that is some seconds old, plus what this replica has let through since, says that there is
room. Above that, or where no good count is known, calls that take more come one after the other
until they are committed, and each counts exactly. So a quota is exceeded only where other replicas
let through more than half of it while this one's count is good (`COUNT_GOOD_S`); within one replica
never: only who is alone counts, since another's count could miss rows that are not committed yet.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields

import sqlalchemy as sa

from beatstitch.v1 import failure_pb2
from beatstitch.v1.tenant_pb2 import Quotas
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import ledger, outbox
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.quotas import usage
from beatstitch_gateway.quotas.limits import TenantLimits
from beatstitch_gateway.seeing import refusals

COUNT_GOOD_S = 5.0
# So long the old count still serves the others, while one call counts anew.
RECOUNT_S = 1.0
BACKLOG_GOOD_S = 1.0
MOST_KNOWN = 10_000
QUEUE_FULL_RETRY_S = 5.0
MS_PER_MINUTE = 60_000
# A number of our own for the first half of PostgreSQL's two-part advisory locks.
_LOCKS = 0x71756F74  # "quot"


@dataclass(frozen=True, kw_only=True)
class Want:
    """What a call takes; None: the quota doesn't matter to it.

    Attributes:
        jobs: Jobs that stand alone, a stitch as one.
        assets: Assets.
        stored_bytes: Bytes of uploads.
        rendered_ms: Milliseconds of video, of previews a tenth.
    """

    jobs: int | None = None
    assets: int | None = None
    stored_bytes: int | None = None
    rendered_ms: int | None = None


@dataclass(frozen=True)
class _Quota:
    """One quota: the name of its limit, its use counted, units of use in one of the limit."""

    name: str
    count: Callable[[Transaction, str], Awaitable[int]]
    unit: int = 1


_QUOTAS = {
    "jobs": _Quota("max_open_jobs", usage.open_jobs),
    "assets": _Quota("max_assets", usage.asset_count),
    "stored_bytes": _Quota("max_stored_bytes", usage.stored_bytes),
    "rendered_ms": _Quota("max_rendered_minutes", ledger.rendered_ms, MS_PER_MINUTE),
}


@dataclass
class _Count:
    used: int
    until: float


class QuotaGuard:
    """Says yes or raises.

    Args:
        limits: What tenants may use.
        backlog_limit: Messages of all tenants that may wait in the outbox.
    """

    def __init__(self, limits: TenantLimits, backlog_limit: int) -> None:
        self.limits = limits
        self._backlog_limit = backlog_limit
        self._counts: dict[tuple[str, str], _Count] = {}
        self._pending: Counter[tuple[str, str]] = Counter()
        self._backlog: dict[str, int] = {}
        self._backlog_until = float("-inf")
        self._added = 0

    async def need(self, tx: Transaction, tenant: str, want: Want) -> None:
        """Nothing, when the tenant may have all of it.

        To be called before the transaction locks any row: whoever holds a row that this one waits
        for may wait for this one's turn.

        Raises:
            BeatStitchError: QUOTA_EXCEEDED; QUEUE_FULL when too much waits to be queued.
        """
        if want.jobs:
            await self._need_backlog(tx, tenant, want.jobs)
        quotas = await self.limits.of(tx, tenant)
        asked = _asked(quotas, want)
        if not asked:
            return
        if self._let_through(tenant, asked):
            try:
                await _take_turn(tx, tenant, alone=False)
            finally:
                self._pend(tenant, asked, -1)
            return
        await _take_turn(tx, tenant, alone=True)
        for quota, amount, limit in asked:
            used = await quota.count(tx, tenant) + self._pending[tenant, quota.name]
            if used + amount > limit:
                raise _exceeded(quota, limit, used, amount)
            self._note(tenant, quota, used + amount)

    async def take_turn(self, tx: Transaction, tenant: str) -> None:
        """Lets no other call of the tenant take more until the commit.

        For a transaction that asks several times: two of them that both have begun and then come
        near a limit would wait for each other.
        """
        await _take_turn(tx, tenant, alone=True)

    def _note(self, tenant: str, quota: _Quota, used: int) -> None:
        if len(self._counts) >= MOST_KNOWN:
            self._counts.clear()
        self._counts[tenant, quota.name] = _Count(used, time.monotonic() + COUNT_GOOD_S)

    def _let_through(self, tenant: str, asked: list[tuple[_Quota, int, int]]) -> bool:
        """Whether there is room beyond doubt; then it is noted as taken, in one go."""
        taken = []
        for quota, amount, limit in asked:
            known = self._counts.get((tenant, quota.name))
            if known is None or known.used + amount > limit // 2:
                return False
            if known.until <= (now := time.monotonic()):
                known.until = now + RECOUNT_S
                return False
            taken.append((known, amount))
        for known, amount in taken:
            known.used += amount
        self._pend(tenant, asked, 1)
        return True

    def _pend(self, tenant: str, asked: list[tuple[_Quota, int, int]], sign: int) -> None:
        """What was let through and has no turn yet: no row says it to whoever counts alone."""
        for quota, amount, _ in asked:
            key = (tenant, quota.name)
            self._pending[key] += sign * amount
            if not self._pending[key]:
                del self._pending[key]

    async def _need_backlog(self, tx: Transaction, tenant: str, count: int) -> None:
        """The outbox is where work waits while the stream is full, and it must not grow for ever.

        Of the room each tenant that waits has its share, so one that fills it shuts nobody out.
        """
        if self._backlog_until <= time.monotonic():
            await self._count_backlog(tx)
        if self._added and self._backlog_is_full(tenant, count):
            # Full by what was let through since the count: much of it may be queued already.
            await self._count_backlog(tx)
        if self._backlog_is_full(tenant, count):
            waiting = sum(self._backlog.values())
            refusals.refused("queue_full")
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_QUEUE_FULL,
                f"{waiting} accepted jobs wait for a place in the queue",
                metadata={"waiting": str(waiting), "limit": str(self._backlog_limit)},
                retry_after_s=QUEUE_FULL_RETRY_S,
            )
        self._backlog[tenant] = self._backlog.get(tenant, 0) + count
        self._added += count

    async def _count_backlog(self, tx: Transaction) -> None:
        self._backlog = await outbox.backlog(tx)
        self._backlog_until = time.monotonic() + BACKLOG_GOOD_S
        self._added = 0

    def _backlog_is_full(self, tenant: str, count: int) -> bool:
        mine = self._backlog.get(tenant, 0) + count
        total = sum(self._backlog.values()) + count
        share = self._backlog_limit // len(self._backlog.keys() | {tenant})
        return total > self._backlog_limit and mine > share


def _asked(quotas: Quotas, want: Want) -> list[tuple[_Quota, int, int]]:
    """The quotas that matter: each with what is wanted and its limit, in units of its use."""
    found = []
    for field in fields(want):
        amount: int | None = getattr(want, field.name)
        quota = _QUOTAS[field.name]
        limit: int = getattr(quotas, quota.name)
        if amount is not None and limit >= 0:
            found.append((quota, amount, limit * quota.unit))
    return found


async def _take_turn(tx: Transaction, tenant: str, *, alone: bool) -> None:
    """Waits until no other call of the tenant takes more alone; held until the commit."""
    lock = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
    await tx.execute(sa.select(lock(_LOCKS, sa.func.hashtext(tenant))))


def _exceeded(quota: _Quota, limit: int, used: int, amount: int) -> BeatStitchError:
    refusals.refused(quota.name)
    told = {"limit": limit, "used": used, "asked": amount}
    shown = {name: _number(value / quota.unit) for name, value in told.items()}
    return BeatStitchError(
        failure_pb2.ERROR_REASON_QUOTA_EXCEEDED,
        f"{quota.name}: {shown['used']} of {shown['limit']} are used, {shown['asked']} more asked",
        metadata={"quota": quota.name, **shown},
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
