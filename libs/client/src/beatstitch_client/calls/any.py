"""Any call of the public API by its request, for what has no method of its own here."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import grpc.aio
from google.protobuf import message_factory
from google.protobuf.message import Message

import beatstitch.v1
from beatstitch_client.calls.base import Calls
from beatstitch_client.errors import translate
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

Reply = TypeVar("Reply", bound=Message)


@dataclass(frozen=True, slots=True)
class Method:
    """A call of the API.

    Attributes:
        path: "/beatstitch.v1.ProjectService/GetProject".
        reply: The type of its replies.
        sends_stream: Whether the client sends many messages.
        gets_stream: Whether the server does.
    """

    path: str
    reply: type[Message]
    sends_stream: bool
    gets_stream: bool


@cache
def methods() -> dict[str, Method]:
    """Every call of the public API, by the full name of its request's type."""
    found = {}
    for module in pkgutil.iter_modules(beatstitch.v1.__path__):
        if not module.name.endswith("_service_pb2"):
            continue
        file = importlib.import_module(f"beatstitch.v1.{module.name}").DESCRIPTOR
        for service in file.services_by_name.values():
            for method in service.methods:
                found[method.input_type.full_name] = Method(
                    path=f"/{service.full_name}/{method.name}",
                    reply=message_factory.GetMessageClass(method.output_type),
                    sends_stream=method.client_streaming,
                    gets_stream=method.server_streaming,
                )
    return found


class AnyCalls(Calls):
    """By request, whatever the call."""

    async def call(
        self, request: Message, reply_type: type[Reply], *, timeout_s: float | None = None
    ) -> Reply:
        """The reply of any call with one request and one reply.

            await client.call(GetAssetRequest(asset_id=…), GetAssetResponse)

        Made again while the server is away, like all others; a mutation without a `request_id`
        gets one, in a copy.

        Args:
            request: Its type says which call it is.
            reply_type: The type of its reply.
            timeout_s: Deadline of one try; the client's own when None.

        Raises:
            TypeError: It is no such call's request, or its reply is of another type.
            BeatStitchError: What the server says.
        """
        method = _method(request, reply_type, stream=False)
        unary = self._channel.unary_unary(
            method.path,
            request_serializer=_data,
            response_deserializer=reply_type.FromString,
        )
        return await self._connection.call(unary, with_request_id(request), timeout_s=timeout_s)

    async def stream(
        self, request: Message, reply_type: type[Reply], *, timeout_s: float | None = None
    ) -> AsyncGenerator[Reply, None]:
        """The replies of any call with one request and a stream of replies.

        Not begun again by itself: `watch_job`, `watch_jobs` and `download` know where to go on.

        Args:
            request: Its type says which call it is.
            reply_type: The type of its replies.
            timeout_s: Deadline of the whole; none when None.

        Raises:
            TypeError: It is no such call's request, or its replies are of another type.
            BeatStitchError: What the server says.
        """
        method = _method(request, reply_type, stream=True)
        open_stream = self._channel.unary_stream(
            method.path,
            request_serializer=_data,
            response_deserializer=reply_type.FromString,
        )
        call = open_stream(
            with_request_id(request), timeout=timeout_s, metadata=self._connection.metadata
        )
        try:
            async for reply in call:
                yield reply
        except grpc.aio.AioRpcError as error:
            raise translate(error) from None
        finally:
            call.cancel()


def _data(message: Message) -> bytes:
    # Not Message.SerializeToString: that is the base's own, which only raises.
    return message.SerializeToString()


def with_request_id(request: Message) -> Message:
    """The request, or a copy with an id where it can have one and has none."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:  # type: ignore[attr-defined]
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = new_id()  # type: ignore[attr-defined]
    return copy


def _method(request: Message, reply_type: type[Message], *, stream: bool) -> Method:
    name = request.DESCRIPTOR.full_name
    found = methods().get(name)
    if found is None:
        raise TypeError(f"{name} is no request of the public API")
    if found.sends_stream or found.gets_stream != stream:
        right = "upload" if found.sends_stream else "stream" if found.gets_stream else "call"
        raise TypeError(f"{name} goes with `{right}`")
    if found.reply.DESCRIPTOR.full_name != reply_type.DESCRIPTOR.full_name:
        raise TypeError(f"{name} is answered by {found.reply.DESCRIPTOR.name}")
    return found
