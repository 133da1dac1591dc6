"""What happens around every call: request id, deadline, access log, errors, draining.

One interceptor, written once for the four shapes of a gRPC method, so that a handler only does its
work and raises `BeatStitchError`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import grpc
import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_runtime import tracing
from beatstitch_runtime.metrics import calls
from beatstitch_runtime.rpc.channel import REQUEST_ID, call_deadline
from beatstitch_runtime.rpc.errors import code_of, details_of
from beatstitch_runtime.rpc.malformed import bearing, readable
from beatstitch_runtime.rpc.peers import check_peer
from beatstitch_runtime.telemetry import bind, bind_ids, current_context, log_context
from beatstitch_runtime.traceparent import TRACEPARENT, checked, trace_id, traceparent

log = logging.getLogger(__name__)
access = logging.getLogger("beatstitch_runtime.access")

# Called every few seconds by everybody; not news, and still answered while draining.
INFRASTRUCTURE = ("/grpc.",)

# Codes that say "we failed" rather than "you asked for something wrong" (OpenTelemetry's list).
_OURS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Any], Any]
Body = Callable[[], Awaitable[Any]]


class CallGuard(grpc.aio.ServerInterceptor):
    """The interceptor that is outermost on every server.

    Args:
        default_timeout_s: Limit of a call with one reply whose client set no deadline, seconds.
        peers: Names of which a client's certificate has to carry one; empty for any client.
    """

    def __init__(self, default_timeout_s: float, peers: frozenset[str] = frozenset()) -> None:
        self._default_timeout_s = default_timeout_s
        self._peers = peers
        self._draining = False
        self._calls: set[asyncio.Task[Any]] = set()
        self._streams: set[asyncio.Task[Any]] = set()
        self._evicted: set[asyncio.Task[Any]] = set()
        self._wrapped: dict[str, tuple[object, grpc.RpcMethodHandler[Any, Any]]] = {}

    @property
    def busy(self) -> bool:
        """Whether a call is being served."""
        return bool(self._calls)

    def drain(self) -> None:
        """Refuse new calls from now on, and end the open streams; both with DRAINING."""
        self._draining = True
        self._evict(self._streams)

    def evict(self) -> None:
        """End every call that is left with DRAINING, which gRPC itself would merely cancel."""
        self._evict(self._calls)

    def _evict(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        for task in set(tasks) - self._evicted:
            self._evicted.add(task)
            task.cancel()

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wrap the method's handler."""
        name = handler_call_details.method
        handler = await continuation(handler_call_details)
        known = self._wrapped.get(name)
        if handler is not None and known is not None and known[0] is handler:
            return known[1]
        if handler is None:
            return grpc.stream_stream_rpc_method_handler(self._with_stream(name, _unknown))
        wrapped = self._wrap(name, handler)
        self._wrapped[name] = (handler, wrapped)
        return wrapped

    def _wrap(
        self, name: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        codec: dict[str, Any] = {
            "request_deserializer": bearing(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            behaviour = self._with_reply(name, handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(behaviour, **codec)
        if handler.stream_unary:
            behaviour = self._with_reply(name, handler.stream_unary, limited=False)
            return grpc.stream_unary_rpc_method_handler(behaviour, **codec)
        if handler.unary_stream:
            behaviour = self._with_stream(name, handler.unary_stream)
            return grpc.unary_stream_rpc_method_handler(behaviour, **codec)
        assert handler.stream_stream is not None  # noqa: S101 - a handler has one of four shapes
        behaviour = self._with_stream(name, handler.stream_stream)
        return grpc.stream_stream_rpc_method_handler(behaviour, **codec)

    def _with_reply(self, name: str, behaviour: Behaviour, *, limited: bool = True) -> Behaviour:
        async def one_reply(request: object, context: Context) -> object:
            async def body() -> object:
                message = readable(request)
                bind_ids(message)
                limit_s = self._limit_s(context) if limited else None
                try:
                    async with asyncio.timeout(limit_s) as limit:
                        return await _awaited(behaviour(message, context))
                except TimeoutError:
                    if not limit.expired():
                        raise  # the handler's own, not foreseen by anybody
                    raise _too_late(limit_s) from None

            return await self._guard(name, context, body, calls.Call(name, stream=False))

        return one_reply

    def _with_stream(self, name: str, behaviour: Behaviour) -> Behaviour:
        async def many_replies(request: object, context: Context) -> None:
            async def body() -> None:
                message = readable(request)
                bind_ids(message)
                replies = behaviour(message, context)
                if not hasattr(replies, "__aiter__"):
                    await _awaited(replies)  # writes to the context itself
                    return
                try:
                    async for reply in replies:
                        await context.write(reply)
                finally:
                    if inspect.isasyncgen(replies):
                        await replies.aclose()

            # A name that the client made up is no label.
            metered = calls.Call(calls.UNKNOWN if behaviour is _unknown else name, stream=True)
            await self._guard(name, context, body, metered, stream=True)

        return many_replies

    async def _guard(
        self, name: str, context: Context, body: Body, metered: calls.Call, *, stream: bool = False
    ) -> object:
        """Run a call's body with its id, its deadline, its errors and its span taken care of."""
        begun = time.monotonic()
        infrastructure = name.startswith(INFRASTRUCTURE)
        left_s = context.time_remaining()
        call_deadline.set(None if left_s is None else begun + left_s)
        request_id = _request_id(context)
        code = grpc.StatusCode.OK
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - gRPC runs each call in a task
        self._calls.add(task)
        if stream:
            self._streams.add(task)
        with self._span(name, context) as span, log_context(request_id=request_id):
            bind(trace_id=trace_id(traceparent()))
            try:
                if self._draining and not infrastructure:
                    raise _draining()  # noqa: TRY301
                check_peer(name, context, self._peers)
                return await body()
            except grpc.aio.AbortError:
                code = _code(context)
                raise
            except asyncio.CancelledError:
                if task not in self._evicted:
                    code = grpc.StatusCode.CANCELLED
                    raise
                task.uncancel()
                code = grpc.StatusCode.UNAVAILABLE
                await _abort(context, _draining(), request_id)
            except BeatStitchError as error:
                code = code_of(error)
                await _abort(context, error, request_id)
            except Exception as error:  # noqa: BLE001
                code = grpc.StatusCode.INTERNAL
                await _abort(context, _unforeseen(name, error), request_id)
            finally:
                for tasks in (self._calls, self._streams, self._evicted):
                    tasks.discard(task)
                metered.end(code.name)
                _settle(span, name, request_id, code)
                access.log(
                    logging.DEBUG if infrastructure else logging.INFO,
                    "%s %s",
                    name,
                    code.name,
                    extra={"ms": round((time.monotonic() - begun) * 1000, 2)},
                )

    def _span(self, name: str, context: Context) -> AbstractContextManager[tracing.Span]:
        if name.startswith(INFRASTRUCTURE):
            return nullcontext(tracing.Span())
        return tracing.span(name.strip("/"), kind="server", parent=_traceparent(context))

    def _limit_s(self, context: Context) -> float | None:
        # gRPC ends a call at its client's deadline by itself; only a missing one is our matter.
        return self._default_timeout_s if context.time_remaining() is None else None


async def _awaited(result: Any) -> Any:  # noqa: ANN401
    return await result if inspect.isawaitable(result) else result


async def _unknown(_request: object, _context: Context) -> NoReturn:
    raise BeatStitchError(
        failure_pb2.ERROR_REASON_UNIMPLEMENTED, "this server doesn't offer the method"
    )


async def _abort(context: Context, error: BeatStitchError, request_id: str) -> NoReturn:
    await context.abort(code_of(error), error.message, details_of(error, request_id))


def _request_id(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str) and value.isprintable():
            return value[:128] or new_id()
    return new_id()


def _traceparent(context: Context) -> str:
    sent = dict(context.invocation_metadata() or ())
    return checked(sent.get(TRACEPARENT))


def _settle(span: tracing.Span, name: str, request_id: str, code: grpc.StatusCode) -> None:
    """Say in the span what became of the call; a client's own mistake is no failure of ours."""
    service, _, method = name.strip("/").rpartition("/")
    span.note(
        rpc__system="grpc",
        rpc__service=service,
        rpc__method=method,
        rpc__grpc__status_code=code.value[0],
        beatstitch__request_id=request_id,
        beatstitch__tenant=current_context().get("tenant", ""),
    )
    if code in _OURS:
        span.fail(code.name)
    span.settled = True


def _code(context: Context) -> grpc.StatusCode:
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((c for c in grpc.StatusCode if c.value[0] == code), grpc.StatusCode.UNKNOWN)


def _draining() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DRAINING,
        "this replica is shutting down; call again",
        retry_after_s=0.5,
    )


def _too_late(limit_s: float | None) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
        f"not done within the server's limit of {limit_s:g} s; set a deadline of your own",
    )


def _unforeseen(name: str, error: Exception) -> BeatStitchError:
    error_id = new_id()
    log.error("unforeseen failure of %s", name, exc_info=error, extra={"error_id": error_id})
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INTERNAL,
        f"something unforeseen went wrong; error {error_id}",
        metadata={"error_id": error_id},
    )
