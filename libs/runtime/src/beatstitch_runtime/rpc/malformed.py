"""Bytes that are no message: the client's mistake, and not INTERNAL, as gRPC's Python server says.

gRPC decodes a request before any interceptor sees the call, and an exception there is INTERNAL
"Exception deserializing request!". So the decoder hands the failure on as a value, and whoever
takes the request raises it where errors become what clients are told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

Decoder = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """In the place of a message that couldn't be decoded."""


def bearing(decode: Decoder | None) -> Decoder | None:
    """The decoder, with `Malformed` instead of an exception."""
    if decode is None:
        return None

    def bear(data: bytes) -> object:
        try:
            return decode(data)
        except DecodeError:
            return Malformed()

    return bear


def readable(request: Any) -> Any:  # noqa: ANN401 - of any method
    """The request, or the stream of requests, without what is malformed.

    Raises:
        BeatStitchError: INVALID_ARGUMENT; of a stream, when the message's turn comes.
    """
    if hasattr(request, "__aiter__"):
        return _each(request)
    if isinstance(request, Malformed):
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_FIELD_INVALID, "the request's bytes are no message of its type"
        )
    return request


async def _each(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield readable(request)
