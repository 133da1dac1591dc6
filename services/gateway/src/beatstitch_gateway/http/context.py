"""What a gRPC handler knows of its call, when the call came over HTTP."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

import grpc
import grpc.aio
from connectrpc.request import Headers, RequestContext

from beatstitch_core.ids import new_id
from beatstitch_runtime.rpc.channel import REQUEST_ID
from beatstitch_runtime.rpc.errors import DETAILS_KEY

Metadata = tuple[tuple[str, str | bytes], ...]
Write = Callable[[Any], Awaitable[None]]

# Of the transport, not of the call.
_TRANSPORT = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "grpc-timeout",
        "host",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


def metadata_of(headers: Headers) -> Metadata:
    """The headers that are metadata, names in lower case; a request id is made when none came."""
    found: list[tuple[str, str | bytes]] = []
    for name, text in headers.allitems():
        if name in _TRANSPORT or name.startswith(("connect-", "sec-")):
            continue
        if not name.endswith("-bin"):
            found.append((name, text))
            continue
        try:
            found.append((name, base64.b64decode(text + "=" * (-len(text) % 4), validate=True)))
        except binascii.Error:
            continue  # not what the name promises: as if it hadn't come
    if REQUEST_ID not in headers:
        found.append((REQUEST_ID, new_id()))
    return tuple(found)


class HttpCall(grpc.aio.ServicerContext[Any, Any]):
    """The handler's context.

    Args:
        request: Connect's side of the call.
        metadata: What came with it.
        write: Takes a reply of a stream.
    """

    def __init__(
        self,
        request: RequestContext[Any, Any],
        metadata: Metadata,
        write: Write | None = None,
    ) -> None:
        self._request = request
        self._metadata = metadata
        self._write = write
        self._code: grpc.StatusCode | None = None
        self._details = ""
        self._trailing: Sequence[tuple[str, str | bytes]] = ()

    # --- what came

    def invocation_metadata(self) -> Any:  # noqa: ANN401 - a type of gRPC's own
        """What the client sent besides the request."""
        return self._metadata

    def time_remaining(self) -> float | None:  # type: ignore[override]  # gRPC gives None too
        """Seconds until the client's deadline; None when it set none."""
        left_ms = self._request.timeout_ms
        return None if left_ms is None else max(left_ms, 0.0) / 1000

    def peer(self) -> str:
        """Who called, as gRPC writes it."""
        return f"ipv4:{self._request.client_address or ''}"

    def auth_context(self) -> Mapping[str, list[bytes]]:
        """Nothing: who calls is in the headers."""
        return {}

    def peer_identities(self) -> None:
        """None, as with gRPC without client certificates."""
        return

    def peer_identity_key(self) -> None:
        """None, as with gRPC without client certificates."""
        return

    async def read(self) -> NoReturn:
        """Handlers iterate over their requests."""
        raise NotImplementedError("iterate over the request instead")

    # --- what goes

    async def write(self, message: Any) -> None:  # noqa: ANN401 - of any method
        """Sends a reply of a stream; returns when there is room for the next."""
        assert self._write is not None  # noqa: S101 - only streams write
        await self._write(message)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:  # noqa: ANN401
        """Sets response headers; they go with the first reply."""
        for name, value in initial_metadata:
            self._request.response_headers.add(name, _text(value))

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:  # noqa: ANN401
        """What comes after the last reply."""
        self._trailing = tuple(trailing_metadata)

    def trailing_metadata(self) -> Any:  # noqa: ANN401 - a type of gRPC's own
        """What was set."""
        return self._trailing

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Any = (),  # noqa: ANN401
    ) -> NoReturn:
        """Ends the call with an error.

        Raises:
            AbortError: Always.
        """
        self._code, self._details = code, details
        self._trailing = (*self._trailing, *trailing_metadata)
        raise grpc.aio.AbortError("aborted")

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """As `abort`."""
        await self.abort(status.code, status.details, status.trailing_metadata or ())

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing: client and server agree on that by headers."""

    def disable_next_message_compression(self) -> None:
        """Nothing, likewise."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """The status the call is to end with."""
        self._code = code

    def set_details(self, details: str) -> None:
        """The words that go with it."""
        self._details = details

    def code(self) -> grpc.StatusCode | None:  # type: ignore[override]  # gRPC gives None too
        """The status, when one was set."""
        return self._code

    def details(self) -> str:
        """The words that go with it."""
        return self._details

    # --- its end, for the adapter

    def put_trailers(self) -> None:
        """Sends the trailing metadata that isn't the error itself."""
        for name, value in self._trailing:
            if name != DETAILS_KEY:
                self._request.response_trailers.add(name, _text(value))

    @property
    def packed_status(self) -> bytes:
        """The error's `google.rpc.Status`, when there is one."""
        for name, value in self._trailing:
            if name == DETAILS_KEY and isinstance(value, bytes):
                return value
        return b""


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode().rstrip("=")
