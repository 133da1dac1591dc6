"""The ASGI application: CORS, paths that don't exist, and Connect for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import grpc.aio
from connectrpc.errors import ConnectError
from connectrpc.server import ConnectASGIApplication

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.http import cors
from beatstitch_gateway.http.endpoints import AnyEndpoint, endpoints
from beatstitch_gateway.http.patience import ClientGoneError, Exchange, Receive, Send
from beatstitch_gateway.http.wire import (
    BinaryCodec,
    JsonCodec,
    Reasons,
    error_json,
    of_ours,
    unreadable,
)
from beatstitch_runtime.rpc.server import Servicer

Scope = Any  # ASGI's own dictionaries, which no two packages type alike

# A reply is one tenant's and of this moment; and it is never a page.
_ALWAYS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class _Connect(ConnectASGIApplication[None]):
    """All services in one application; paths are the endpoints' own."""

    @property
    def path(self) -> str:
        return ""


class WebApp:
    """Everything on the port.

    Args:
        servicers: What gRPC offers.
        interceptors: Its chain, the outermost first.
        origins: Web pages that may call.
        max_body_bytes: Largest message, compressed or not.
        silence_s: Seconds without a byte of a body that is to come, after which its call ends.
    """

    def __init__(
        self,
        servicers: Sequence[Servicer],
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        *,
        origins: frozenset[str],
        max_body_bytes: int,
        silence_s: float,
    ) -> None:
        self._origins, self._silence_s = origins, silence_s
        self._endpoints: Mapping[str, AnyEndpoint] = endpoints(servicers, interceptors)
        self._connect = _Connect(
            service=None,
            endpoints=lambda _service: self._endpoints,
            interceptors=[Reasons()],
            read_max_bytes=max_body_bytes,
            codecs=[BinaryCodec(), JsonCodec()],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        # Returned without an end: the connection, or its stream, is cut off.
        with suppress(ClientGoneError):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = list(scope["headers"])
        if cors.is_preflight(scope["method"], headers):
            await _answer(send, *cors.preflight(self._origins, headers))
            return
        exchange = Exchange(receive, send, self._silence_s)
        more = [*cors.response_headers(self._origins, headers), *_ALWAYS]

        async def send_with_headers(message: Any) -> None:  # noqa: ANN401 - of ASGI
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *more]}
            await exchange.send(message)

        if scope["path"] not in self._endpoints:
            await _unknown(send_with_headers)
            return
        if not _is_text(scope["query_string"], *(part for pair in headers for part in pair)):
            await _not_text(send_with_headers)
            return
        if _needs_trailers(headers) and "http.response.trailers" not in scope.get("extensions", {}):
            await _refuse(send_with_headers, 415, _unimplemented("gRPC itself needs HTTP/2"))
            return
        await self._connect(scope, exchange.receive, send_with_headers)


def _is_text(*parts: bytes) -> bool:
    """Whether they are UTF-8, as Connect takes for granted."""
    try:
        b"\n".join(parts).decode()
    except UnicodeDecodeError:
        return False
    return True


async def _not_text(send: Send) -> None:
    await _refuse(send, 400, unreadable("headers and query have to be UTF-8"))


def _needs_trailers(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether it is gRPC, neither gRPC-Web nor Connect."""
    kinds = [value.lower() for name, value in headers if name == b"content-type"]
    return any(kind.partition(b"+")[0].strip() == b"application/grpc" for kind in kinds)


async def _unknown(send: Send) -> None:
    await _refuse(send, 404, _unimplemented("this server doesn't offer the method"))


def _unimplemented(message: str) -> ConnectError:
    return of_ours(BeatStitchError(failure_pb2.ERROR_REASON_UNIMPLEMENTED, message))


async def _refuse(send: Send, status: int, error: ConnectError) -> None:
    await _answer(send, status, [(b"content-type", b"application/json")], error_json(error))


async def _answer(
    send: Send, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
