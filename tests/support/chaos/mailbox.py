"""A receiver of webhooks that is away at times, and at others wants nothing."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Self

from beatstitch_stack.ports import LOOPBACK, free_port
from support.receiver import Receiver

if TYPE_CHECKING:
    from types import TracebackType

# 0 hangs up without an answer.
REFUSALS = (500, 503, 429, 0, 302)
# What it answers on any day: now and then it refuses what it takes the next time.
MOODS = (204, 204, 204, 204, 200, 500, 0)
MODES = ("away", "refuses", "slow")


class Mailbox:
    """In an `async with` it takes what comes.

    Attributes:
        receiver: What came.
        secret: What the webhook's requests are signed with.
    """

    def __init__(self) -> None:
        self.receiver = Receiver("http")
        self.receiver.port = free_port()
        self.secret = ""
        self._moods(0)

    def _moods(self, number: int) -> None:
        self.receiver.answers.clear()
        self.receiver.will(*random.Random(number).choices(MOODS, k=5000))

    def calm(self) -> None:
        """From now on it takes all."""
        self.receiver.answers.clear()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    async def _listen(self) -> None:
        serve, port = self.receiver.serve, self.receiver.port
        self._server = await asyncio.start_server(serve, LOOPBACK, port)

    async def trouble(self, mode: str, number: int, seconds: float) -> None:
        """One of `MODES`, for some time."""
        match mode:
            case "away":
                self._server.close()
                await asyncio.sleep(seconds)
                await self._listen()
            case "slow":
                self.receiver.open.clear()
                await asyncio.sleep(seconds)
                self.receiver.open.set()
            case _:
                self.receiver.answers.clear()
                self.receiver.will(*random.Random(number).choices(REFUSALS, k=5000))
                await asyncio.sleep(seconds)
                self._moods(number)
