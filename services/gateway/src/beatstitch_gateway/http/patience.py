"""How long a client is waited for, and what becomes of a body that nobody wants.

A body of which nothing comes any more ends, and doesn't hold its connection for ever; nor does an
answer of which nothing is taken any more. And a call
that is answered before its body was read, as too large a one is, has the rest read and thrown away
before the answer ends: over HTTP/1.1 the client would meet a reset instead of the answer, and over
HTTP/2 all other calls of its connection would break off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

# For the rest of a body that nobody wants: between two of its parts, and in all.
LINGER_S = 2.0
LONGEST_LINGER_S = 30.0


class ClientGoneError(Exception):
    """The client takes nothing of the answer any more."""


class Exchange:
    """The two ways of one call.

    Args:
        receive: Of ASGI.
        send: Of ASGI.
        silence_s: Seconds between two parts of a body, and for a part of the answer to be taken,
            after which the client counts as gone. Between the two there is no limit: the client
            waits for us then.
    """

    def __init__(self, receive: Receive, send: Send, silence_s: float) -> None:
        self._receive, self._send, self._silence_s = receive, send, silence_s
        self._whole = False

    async def receive(self) -> Any:  # noqa: ANN401 - of ASGI
        """The next part of the request; `http.disconnect` when none comes."""
        if self._whole:
            return await self._receive()
        try:
            return await self._part(self._silence_s)
        except TimeoutError:
            self._whole = True  # as far as we are concerned
            return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:  # noqa: ANN401 - of ASGI
        """Sends a part of the answer; its end when the client has sent all of its request.

        Raises:
            ClientGoneError: It takes nothing any more.
        """
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or self._whole:
            await self._pass(message)
            return
        await self._pass({**message, "more_body": True})
        await self._linger()
        await self._pass({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pass(self, message: Any) -> None:  # noqa: ANN401 - of ASGI
        try:
            async with asyncio.timeout(self._silence_s):
                await self._send(message)
        except TimeoutError:
            raise ClientGoneError from None

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_LINGER_S):
                while not self._whole:
                    await self._part(LINGER_S)
        except TimeoutError:
            pass  # too much, or too slow: it is cut off

    async def _part(self, limit_s: float) -> Any:  # noqa: ANN401 - of ASGI
        async with asyncio.timeout(limit_s):
            message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message
