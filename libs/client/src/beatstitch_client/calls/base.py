"""What all of the client's methods stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import grpc.aio

    from beatstitch_client.connection import Connection

Request = TypeVar("Request")
Reply = TypeVar("Reply")

PAGE_SIZE = 200


class Calls:
    """A part of `AsyncClient`: methods over its connection."""

    _connection: Connection

    @property
    def _channel(self) -> grpc.aio.Channel:
        return self._connection.channel

    async def _call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Reply], request: Request
    ) -> Reply:
        return await self._connection.call(method, request)
