"""A client's stream of requests as gRPC's handlers know it.

Connect raises its own errors where the handler takes the next message. Of what is no message a
handler has to hear as an error of ours (else it is INTERNAL), and of a client that has left as a
cancellation, which is what gRPC makes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.http.wire import REASONS


class ClientStream:
    """The messages of one call.

    Args:
        source: As Connect gives them.

    Attributes:
        left: How Connect said that the client has left; None while it is there.
    """

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self._source = source
        self.left: ConnectError | None = None

    async def messages(self) -> AsyncIterator[Any]:
        """All of them, in order.

        Raises:
            BeatStitchError: What came is no message, too large a one, or too late.
            asyncio.CancelledError: The client has left.
        """
        try:
            async for message in self._source:
                yield message
        except ConnectError as error:
            reason = REASONS.get(error.code)
            if reason is not None:
                raise BeatStitchError(reason, error.message) from None
            if error.code is not Code.CANCELED:
                raise
            self.left = error
            raise asyncio.CancelledError from None
