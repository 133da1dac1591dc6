"""The one interceptor that every call has to pass: who, may they, and what became of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

import grpc
import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch.v1.tenant_pb2 import AuditEvent
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.auth import Caller, Context, enter, unauthenticated
from beatstitch_gateway.identity.events import event_of
from beatstitch_gateway.identity.rules import OPEN, Rule, need, rule_of
from beatstitch_runtime.telemetry import bind

AUTHORIZATION = "authorization"
API_KEY = "x-api-key"

Behaviour = Callable[[Any, Any], Any]


class Identities(Protocol):
    """Knows who calls."""

    async def caller_of(self, text: str) -> Caller:
        """The caller with these credentials.

        Raises:
            BeatStitchError: UNAUTHENTICATED, DEPENDENCY_DOWN.
        """


class Gate(grpc.aio.ServerInterceptor):
    """Refuses calls without valid credentials or with too low a role, before any handler runs.

    Args:
        identities: Who has which credentials.
        recheck_s: How often an open stream's caller is looked at again before it is told more.
        note: Keeps what becomes of calls that change something. No stream of replies is one.
    """

    def __init__(
        self, identities: Identities, recheck_s: float, note: Callable[[AuditEvent], None]
    ) -> None:
        self._identities = identities
        self._note = note
        self._recheck_s = recheck_s
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
            known = self._wrapped[name] = self._wrap(name, handler)
        return known

    def _wrap(
        self, name: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        rule = rule_of(name)
        codec: dict[str, Any] = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._with_reply(name, rule, handler.unary_unary), **codec
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._with_reply(name, rule, handler.stream_unary), **codec
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._with_stream(name, rule, handler.unary_stream), **codec
            )
        assert handler.stream_stream is not None  # noqa: S101 - a handler has one of four shapes
        return grpc.stream_stream_rpc_method_handler(
            self._with_stream(name, rule, handler.stream_stream), **codec
        )

    def _with_reply(self, name: str, rule: Rule, behaviour: Behaviour) -> Behaviour:
        async def reply(request: object, context: Context) -> object:
            caller = await self._enter(context)
            if not rule.audited:
                need(caller, name, rule)
                return await behaviour(request, context)
            try:
                need(caller, name, rule)
                answer = await behaviour(request, context)
            except BaseException as error:
                self._note(
                    event_of(caller, name, context, request=request, reply=None, error=error)
                )
                raise
            self._note(event_of(caller, name, context, request=request, reply=answer, error=None))
            return answer

        return reply

    def _with_stream(self, name: str, rule: Rule, behaviour: Behaviour) -> Behaviour:
        async def replies(request: object, context: Context) -> AsyncIterator[object]:
            need(await self._enter(context), name, rule)
            good_until = time.monotonic() + self._recheck_s
            async with aclosing(behaviour(request, context)) as stream:
                async for reply in stream:
                    # A stream may be open for hours: a key that was revoked since is told no more.
                    if time.monotonic() > good_until:
                        await self._recheck(context, name, rule)
                        good_until = time.monotonic() + self._recheck_s
                    yield reply

        return replies

    async def _recheck(self, context: Context, name: str, rule: Rule) -> None:
        try:
            need(await self._enter(context), name, rule)
        except BeatStitchError as error:
            # While the database is away nobody can have been refused anything in it.
            if error.reason != failure_pb2.ERROR_REASON_DEPENDENCY_DOWN:
                raise

    async def _enter(self, context: Context) -> Caller:
        caller = await self._identities.caller_of(credentials_in(context))
        enter(caller)
        bind(tenant=caller.tenant, principal=caller.principal)
        return caller


def credentials_in(context: Context) -> str:
    """The key or token that came with a call.

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
