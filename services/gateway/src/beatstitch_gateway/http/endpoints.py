"""Connect's endpoints over gRPC's handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import Endpoint
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from beatstitch_gateway.http.client_stream import ClientStream
from beatstitch_gateway.http.context import HttpCall, Metadata, Write, metadata_of
from beatstitch_gateway.http.handlers import CallDetails, Handler, handlers_of, intercepted
from beatstitch_gateway.http.wire import wire_error
from beatstitch_runtime.rpc.channel import REQUEST_ID
from beatstitch_runtime.rpc.server import Servicer

Request = RequestContext[Any, Any]
AnyEndpoint = Any  # one of Connect's four; its union type is private

_LEVELS = {
    MethodOptions.NO_SIDE_EFFECTS: IdempotencyLevel.NO_SIDE_EFFECTS,
    MethodOptions.IDEMPOTENT: IdempotencyLevel.IDEMPOTENT,
}


def endpoints(
    servicers: Sequence[Servicer], interceptors: Sequence[grpc.aio.ServerInterceptor]
) -> dict[str, AnyEndpoint]:
    """An endpoint for each method of the servicers, by path."""
    found = {}
    for path, handler in handlers_of(servicers).items():
        _, service, name = path.split("/")
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
        found[path] = _endpoint(method, _Method(path, handler, interceptors))
    return found


class _Method:
    """One method: from a request of Connect's through the chain to a reply."""

    def __init__(
        self, path: str, handler: Handler, interceptors: Sequence[grpc.aio.ServerInterceptor]
    ) -> None:
        self._path = path
        self._handler = handler
        self._interceptors = interceptors

    async def one(self, request: Any, context: Request) -> Any:  # noqa: ANN401 - of any method
        """A call with one reply; `request` is a message, or messages for a client's stream."""
        metadata = _metadata(context)
        handler = await self._intercepted(metadata)
        call = HttpCall(context, metadata)
        behaviour: Callable[..., Any] = handler.unary_unary or handler.stream_unary  # type: ignore[assignment]
        sent = ClientStream(request) if hasattr(request, "__aiter__") else None
        try:
            reply = await behaviour(request if sent is None else sent.messages(), call)
        except grpc.aio.AbortError:
            raise _error(call) from None
        except asyncio.CancelledError:
            if sent is None or sent.left is None:
                raise
            raise sent.left from None
        if call.code() not in (None, grpc.StatusCode.OK):
            raise _error(call)
        call.put_trailers()
        return reply

    async def many(self, request: Any, context: Request) -> AsyncIterator[Any]:  # noqa: ANN401
        """A call with a stream of replies.

        The handler runs in a task of its own, as under gRPC: who drains cancels that task and not
        the connection's. It is never more than one reply ahead of the client.
        """
        replies: asyncio.Queue[Any] = asyncio.Queue(1)
        metadata = _metadata(context)
        call = HttpCall(context, metadata, replies.put)
        handler = await self._intercepted(metadata)
        task = asyncio.create_task(_serve(handler, request, call, replies.put))
        ended = asyncio.create_task(_after(task, replies.put))
        try:
            while (reply := await replies.get()) is not _END:
                yield reply
            try:
                await task
            except grpc.aio.AbortError:
                raise _error(call) from None
            call.put_trailers()
        finally:
            task.cancel()
            ended.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def _intercepted(self, metadata: Metadata) -> Handler:
        return await intercepted(
            self._handler, self._interceptors, CallDetails(self._path, metadata)
        )


_END = object()


async def _serve(handler: Handler, request: object, call: HttpCall, write: Write) -> None:
    behaviour: Callable[..., Any] = handler.unary_stream or handler.stream_stream  # type: ignore[assignment]
    replies = behaviour(request, call)
    if hasattr(replies, "__aiter__"):
        async for reply in replies:
            await write(reply)
    else:
        await replies  # writes to the context itself


async def _after(task: asyncio.Task[None], write: Write) -> None:
    await asyncio.wait({task})
    await write(_END)


def _metadata(context: Request) -> Metadata:
    metadata = metadata_of(context.request_headers)
    for name, value in metadata:
        if name == REQUEST_ID and isinstance(value, str):
            context.response_headers[REQUEST_ID] = value[:128]
            break
    return metadata


def _error(call: HttpCall) -> ConnectError:
    call.put_trailers()
    code = call.code() or grpc.StatusCode.UNKNOWN
    return wire_error(code, call.details(), call.packed_status)


def _endpoint(method: MethodDescriptor, served: _Method) -> AnyEndpoint:
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=message_factory.GetMessageClass(method.input_type),
        output=message_factory.GetMessageClass(method.output_type),
        idempotency_level=_LEVELS.get(
            method.GetOptions().idempotency_level, IdempotencyLevel.UNKNOWN
        ),
        stream_type=_stream_type(method),
    )
    match info.stream_type:
        case StreamType.UNARY:
            return Endpoint.unary(info, served.one)
        case StreamType.CLIENT_STREAM:
            return Endpoint.client_stream(info, served.one)
        case StreamType.SERVER_STREAM:
            return Endpoint.server_stream(info, served.many)
        case _:
            return Endpoint.bidi_stream(info, served.many)


def _stream_type(method: MethodDescriptor) -> StreamType:
    if method.client_streaming:
        return StreamType.BIDI_STREAM if method.server_streaming else StreamType.CLIENT_STREAM
    return StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY
