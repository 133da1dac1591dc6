"""The interceptor that lets calls through only as fast as the tenant may make them.

Buckets are this replica's own: what a tenant may do in all is its limit times the replicas, when
its calls are spread over them. A shared count would cost each call a way to the database and back.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch.v1.tenant_pb2 import RateCategory, RateLimit
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.quotas.bucket import Bucket
from beatstitch_gateway.quotas.categories import CATEGORIES, category_name, cost_of
from beatstitch_gateway.quotas.limits import TenantLimits, rate_of
from beatstitch_gateway.seeing import refusals

MOST_BUCKETS = 20_000
SECONDS_PER_MINUTE = 60.0
_MICRO = 1e6

Behaviour = Callable[[Any, Any], Any]
# gRPC's stubs know its parameters, gRPC doesn't.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Rates:
    """All buckets of this replica.

    Args:
        limits: How often tenants may call.
        database: Where that is asked when it isn't known.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        limits: TenantLimits,
        database: Database,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._database = database
        self._clock = clock
        self._buckets: dict[tuple[str, RateCategory.ValueType], Bucket] = {}

    async def need(self, tenant: str, category: RateCategory.ValueType, cost: int) -> None:
        """Nothing, when the call may be made now.

        Raises:
            BeatStitchError: RATE_LIMITED, with the time until it may; DEPENDENCY_DOWN.
        """
        quotas = self._limits.known(tenant)
        if quotas is None:
            async with self._database.transaction() as tx:
                quotas = await self._limits.of(tx, tenant)
        limit = rate_of(quotas, category)
        if limit is None:
            return
        wait_s = self._take(tenant, limit, cost)
        if wait_s:
            raise _too_fast(limit, wait_s)

    def _take(self, tenant: str, limit: RateLimit, cost: int) -> float:
        now, per_s = self._clock(), limit.per_minute / SECONDS_PER_MINUTE
        key = (tenant, limit.category)
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = Bucket(float(limit.burst), now)
        return bucket.take(now, cost, per_s, limit.burst)

    def _make_room(self, now: float) -> None:
        if len(self._buckets) < MOST_BUCKETS:
            return
        # Those that nobody took from for long are full, whatever their limits are.
        oldest = sorted(self._buckets, key=lambda key: self._buckets[key].at)
        for key in oldest[: MOST_BUCKETS // 2]:
            if now - self._buckets[key].at > SECONDS_PER_MINUTE:
                del self._buckets[key]


class RateGate(grpc.aio.ServerInterceptor):
    """Counts each call whose caller is known; stands behind the interceptor that finds that out."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wraps the method's handler, unless nobody's calls of it are counted."""
        name = handler_call_details.method
        handler = await continuation(handler_call_details)
        category = CATEGORIES.get(name)
        if handler is None or category is None or name.startswith("/beatstitch.v1.InfoService/"):
            return handler
        known = self._wrapped.get(name)
        if known is None:
            known = self._wrapped[name] = self._wrap(category, handler)
        return known

    def _wrap(self, category: RateCategory.ValueType, handler: Any) -> Handler:  # noqa: ANN401
        codec: dict[str, Any] = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            behaviour = self._with_reply(category, handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(behaviour, **codec)
        if handler.stream_unary:
            behaviour = self._with_reply(category, handler.stream_unary)
            return grpc.stream_unary_rpc_method_handler(behaviour, **codec)
        if handler.unary_stream:
            behaviour = self._with_stream(category, handler.unary_stream)
            return grpc.unary_stream_rpc_method_handler(behaviour, **codec)
        behaviour = self._with_stream(category, handler.stream_stream)
        return grpc.stream_stream_rpc_method_handler(behaviour, **codec)

    def _with_reply(self, category: RateCategory.ValueType, behaviour: Behaviour) -> Behaviour:
        async def reply(request: object, context: Context) -> object:
            await self._rates.need(current_tenant(), category, cost_of(request))
            return await behaviour(request, context)

        return reply

    def _with_stream(self, category: RateCategory.ValueType, behaviour: Behaviour) -> Behaviour:
        async def replies(request: object, context: Context) -> AsyncIterator[object]:
            await self._rates.need(current_tenant(), category, cost_of(request))
            stream = behaviour(request, context)
            try:
                async for reply in stream:
                    yield reply
            finally:
                await stream.aclose()

        return replies


def _too_fast(limit: RateLimit, wait_s: float) -> BeatStitchError:
    name = category_name(limit.category)
    refusals.limited(name)
    # Rounded up: whoever waits for so long finds its token.
    wait_s = math.ceil(wait_s * _MICRO) / _MICRO
    return BeatStitchError(
        failure_pb2.ERROR_REASON_RATE_LIMITED,
        f"{limit.per_minute} calls of the category {name} may come in a minute; "
        f"the next one may in {wait_s:.3f} s",
        metadata={"category": name, "per_minute": str(limit.per_minute)},
        retry_after_s=wait_s,
    )
