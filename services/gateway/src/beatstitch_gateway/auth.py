"""Who calls: an API key in the metadata, checked before any handler runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import api_keys
from beatstitch_gateway.db.api_keys import ApiKeyRow
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.keys import ApiKey
from beatstitch_runtime.telemetry import bind

AUTHORIZATION = "authorization"
API_KEY = "x-api-key"
# No key needed: a client has to be able to ask what and whether this server is.
OPEN = ("/beatstitch.v1.InfoService/", "/grpc.health.v1.Health/", "/grpc.reflection.")
MAX_CACHED = 10_000

Context = grpc.aio.ServicerContext[Any, Any]
_tenant: ContextVar[str] = ContextVar("tenant")


def current_tenant() -> str:
    """Whose call is being served."""
    return _tenant.get()


class KeyRing:
    """Looks keys up, and remembers them for a few seconds."""

    def __init__(self, database: Database, cache_s: float) -> None:
        self._database = database
        self._cache_s = cache_s
        self._known: dict[str, tuple[float, ApiKeyRow]] = {}

    async def tenant_of(self, text: str) -> str:
        """The tenant whose key this is.

        Raises:
            BeatStitchError: UNAUTHENTICATED, with the same words whatever is wrong;
                DEPENDENCY_DOWN.
        """
        key = ApiKey.parse(text)
        row = await self._find(key.key_id) if key is not None else None
        # A key that doesn't exist is compared too: the time must not tell that it doesn't.
        proven = (key or ApiKey("", "")).proves(row.secret_sha256 if row is not None else b"")
        if row is None or not proven:
            raise unauthenticated("the API key is not valid")
        return row.tenant

    async def _find(self, key_id: str) -> ApiKeyRow | None:
        known = self._known.get(key_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        async with self._database.transaction() as tx:
            row = await api_keys.find(tx, key_id)
        if row is None:
            self._known.pop(key_id, None)
            return None
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[key_id] = (time.monotonic() + self._cache_s, row)
        return row


class Authentication(grpc.aio.ServerInterceptor):
    """Checks the key of each call that needs one, and notes its tenant."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's handler, unless it is open to everybody."""
        name = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None or name.startswith(OPEN):
            return handler
        known = self._wrapped.get(name)
        if known is None:
            known = self._wrapped[name] = self._wrap(handler)
        return known

    def _wrap(self, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        codec: dict[str, Any] = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._with_reply(handler.unary_unary), **codec
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._with_reply(handler.stream_unary), **codec
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._with_stream(handler.unary_stream), **codec
            )
        return grpc.stream_stream_rpc_method_handler(
            self._with_stream(handler.stream_stream), **codec
        )

    def _with_reply(self, behaviour: Any) -> Any:  # noqa: ANN401 - of any method
        async def reply(request: object, context: Context) -> object:
            await self._check(context)
            return await behaviour(request, context)

        return reply

    def _with_stream(self, behaviour: Any) -> Any:  # noqa: ANN401 - of any method
        async def replies(request: object, context: Context) -> AsyncIterator[object]:
            await self._check(context)
            async for reply in behaviour(request, context):
                yield reply

        return replies

    async def _check(self, context: Context) -> None:
        tenant = await self._keys.tenant_of(key_in(context))
        _tenant.set(tenant)
        bind(tenant=tenant)


def key_in(context: Context) -> str:
    """The key that came with a call.

    Raises:
        BeatStitchError: UNAUTHENTICATED.
    """
    for name, value in context.invocation_metadata() or ():
        text = value if isinstance(value, str) else ""
        if name == API_KEY:
            return text
        if name == AUTHORIZATION:
            scheme, _, credentials = text.partition(" ")
            if scheme.lower() == "bearer":
                return credentials.strip()
    raise unauthenticated("an API key is needed: metadata authorization: Bearer <key>")


def unauthenticated(message: str) -> BeatStitchError:
    """UNAUTHENTICATED."""
    return BeatStitchError(failure_pb2.ERROR_REASON_UNAUTHENTICATED, message)
