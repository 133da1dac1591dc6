"""Calls as clients make them: with patience, with second thoughts, and answers that get lost."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError, reason_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.chaos.ledger import Ledger

Reply = TypeVar("Reply")
R = failure_pb2

# What a caller may be told while something is away; anything else is a bug.
PASSING = frozenset(
    {
        R.ERROR_REASON_DEPENDENCY_DOWN,
        R.ERROR_REASON_DRAINING,
        R.ERROR_REASON_DEADLINE_EXCEEDED,
        R.ERROR_REASON_QUEUE_FULL,
        R.ERROR_REASON_RATE_LIMITED,
    }
)
GIVE_UP_S = 600.0
# Long enough for a call to be taken, short enough that many a reply finds nobody.
LOST_S = 0.06


class Caller:
    """Makes calls and notes in the ledger what must not be answered.

    Attributes:
        calm: Whether nothing is broken off or repeated any more.
    """

    def __init__(self, ledger: Ledger, rng: random.Random) -> None:
        self.ledger = ledger
        self.rng = rng
        self.calm = False

    async def insist(
        self,
        call: Callable[[], Awaitable[Reply]],
        *,
        twice: Callable[[Reply], object] | None = None,
        limit_s: float | None = 90.0,
    ) -> Reply:
        """Makes a call until it is answered, as a program would whose own job depends on it.

        Args:
            call: The call; it has to carry the same request_id each time.
            twice: What names the reply's object, of a mutation with a request_id: sometimes its
                first answer is not waited for, sometimes it is made once more, and must name the
                same.
            limit_s: How long one try may take.
        """
        repeats = twice is not None and not self.calm
        if repeats and self.rng.random() < 0.3:
            await self.cut(call, LOST_S)
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    async with asyncio.timeout(limit_s):
                        reply = await call()
                    if repeats and self.rng.random() < 0.3:
                        async with asyncio.timeout(limit_s):
                            other = await call()
                        if twice is not None and twice(other) != twice(reply):
                            self.ledger.wrong.append("the same request_id made two things")
                    return reply
                except BeatStitchError as error:
                    self.forgive(error)
                except TimeoutError:
                    self.ledger.passing["no answer in time"] += 1
                await asyncio.sleep(self.rng.uniform(0.2, 1.0))

    async def cut(self, call: Callable[[], Awaitable[object]], most_s: float) -> None:
        """Makes a call and hangs up in the middle, as a client that is killed."""
        try:
            async with asyncio.timeout(self.rng.uniform(0, most_s)):
                await call()
        except BeatStitchError as error:
            self.forgive(error)
        except TimeoutError:
            self.ledger.lost += 1

    def forgive(self, error: BeatStitchError) -> None:
        """Nothing, for what a caller may be told while something is away.

        Raises:
            BeatStitchError: The given one, when it is anything else.
        """
        self.ledger.passing[reason_name(error.reason)] += 1
        if error.reason not in PASSING:
            self.ledger.wrong.append(f"a caller was told {error!r}: {error}")
            raise error
