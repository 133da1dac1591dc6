"""What a tenant may use: what was set for it, laid over the installation's defaults."""

from __future__ import annotations

import time
from collections.abc import Mapping

import sqlalchemy as sa

from beatstitch.v1 import tenant_pb2
from beatstitch.v1.tenant_pb2 import Quotas, RateCategory, RateLimit, Tenant
from beatstitch_gateway.db.tables import tenants
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.settings import GatewaySettings

UNLIMITED = -1
# The fields of Quotas that are one number.
NUMBERS = (
    "max_stored_bytes",
    "max_assets",
    "max_open_jobs",
    "max_jobs_in_flight",
    "max_rendered_minutes",
)
BURST_SHARE = 4


def defaults(settings: GatewaySettings) -> Quotas:
    """What a tenant may use of whom nothing else is said."""
    per_minute = {
        tenant_pb2.RATE_CATEGORY_READ: settings.rate_read_per_minute,
        tenant_pb2.RATE_CATEGORY_WRITE: settings.rate_write_per_minute,
        tenant_pb2.RATE_CATEGORY_UPLOAD: settings.rate_upload_per_minute,
        tenant_pb2.RATE_CATEGORY_JOB: settings.rate_job_per_minute,
        tenant_pb2.RATE_CATEGORY_ENGINE: settings.rate_engine_per_minute,
        tenant_pb2.RATE_CATEGORY_STREAM: settings.rate_stream_per_minute,
    }
    return Quotas(
        max_stored_bytes=settings.quota_stored_bytes,
        max_assets=settings.quota_assets,
        max_open_jobs=settings.quota_open_jobs,
        max_jobs_in_flight=settings.tenant_jobs_in_flight,
        max_rendered_minutes=settings.quota_rendered_minutes,
        rate_limits=[
            full(RateLimit(category=category, per_minute=number))
            for category, number in per_minute.items()
        ],
    )


def full(limit: RateLimit) -> RateLimit:
    """The limit, its burst filled in: a quarter of a minute's calls, at least one."""
    burst = limit.burst or max(1, limit.per_minute // BURST_SHARE)
    return RateLimit(category=limit.category, per_minute=limit.per_minute, burst=burst)


def laid_over(own: Quotas, given: Quotas) -> Quotas:
    """A tenant's own quotas over the defaults; -1 stays: no limit."""
    found = Quotas(**{name: getattr(own, name) or getattr(given, name) for name in NUMBERS})
    rates = {limit.category: limit for limit in given.rate_limits}
    rates |= {limit.category: full(limit) for limit in own.rate_limits}
    found.rate_limits.extend(rates[category] for category in sorted(rates))
    return found


class TenantLimits:
    """Knows the quotas in force, and asks for a tenant's again after some seconds.

    Args:
        settings: The defaults, and for how long an answer is good.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._defaults = defaults(settings)
        self._good_for_s = settings.key_cache_s
        self._known: dict[str, tuple[float, Quotas]] = {}
        self._caps: tuple[float, dict[str, int]] = (float("-inf"), {})

    async def of(self, tx: Transaction, tenant: str) -> Quotas:
        """The quotas in force, defaults filled in."""
        known = self.known(tenant)
        if known is not None:
            return known
        query = sa.select(tenants.c.message).where(tenants.c.id == tenant)
        message = (await tx.execute(query)).scalar_one_or_none()
        found = laid_over(Tenant.FromString(message or b"").quotas, self._defaults)
        self._known[tenant] = (time.monotonic() + self._good_for_s, found)
        return found

    def known(self, tenant: str) -> Quotas | None:
        """The quotas in force, where they were asked for a moment ago."""
        until, found = self._known.get(tenant, (float("-inf"), None))
        return found if until > time.monotonic() else None

    async def caps(self, tx: Transaction) -> Mapping[str, int]:
        """`max_jobs_in_flight` of those tenants that have one of their own."""
        until, found = self._caps
        if until <= time.monotonic():
            query = sa.select(tenants.c.id, tenants.c.message).where(tenants.c.message.is_not(None))
            found = {
                row.id: own
                for row in await tx.execute(query)
                if (own := Tenant.FromString(row.message).quotas.max_jobs_in_flight)
            }
            self._caps = (time.monotonic() + self._good_for_s, found)
        return found

    def forget(self, tenant: str) -> None:
        """The tenant was changed by this replica: asks again at the next call."""
        self._known.pop(tenant, None)
        self._caps = (float("-inf"), {})


def rate_of(quotas: Quotas, category: RateCategory.ValueType) -> RateLimit | None:
    """How often calls of a category may come; None for as often as one likes."""
    for limit in quotas.rate_limits:
        if limit.category == category and limit.per_minute > 0:
            return limit
    return None
