"""The gRPC handlers of servicers, by path, as the interceptors would have gRPC call them.

So whatever is registered with gRPC is here by itself, and goes through the very same chain: call
guard, authentication, limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import grpc.aio

from beatstitch_runtime.rpc.server import Servicer

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


@dataclass(frozen=True, slots=True)
class CallDetails(grpc.HandlerCallDetails):
    """What an interceptor is told before it sees the call.

    Attributes:
        method: "/beatstitch.v1.ProjectService/GetProject".
        invocation_metadata: The headers that are metadata.
    """

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


class _Collector:
    """Stands in for the server that the generated `add_XServicer_to_server` adds to."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _handlers: Sequence[object]) -> None:
        """Generated code calls both; the other call has the same handlers by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        self.handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}


def handlers_of(servicers: Sequence[Servicer]) -> dict[str, Handler]:
    """Every method's handler by its path, without interceptors."""
    collector = _Collector()
    for item in servicers:
        item.add(item.servicer, collector)
    return collector.handlers


async def intercepted(
    handler: Handler, interceptors: Sequence[grpc.aio.ServerInterceptor], details: CallDetails
) -> Handler:
    """The handler of one call, wrapped by all interceptors, the first one outermost."""

    async def innermost(_details: grpc.HandlerCallDetails) -> Handler | None:
        return handler

    chain: Continuation = innermost
    for interceptor in reversed(interceptors):
        chain = _before(interceptor, chain)
    wrapped = await chain(details)
    assert wrapped is not None  # noqa: S101 - the innermost has one, and nobody takes it away
    return wrapped


def _before(interceptor: grpc.aio.ServerInterceptor, rest: Continuation) -> Continuation:
    async def next_one(details: grpc.HandlerCallDetails) -> Handler | None:
        return await interceptor.intercept_service(rest, details)

    return next_one
