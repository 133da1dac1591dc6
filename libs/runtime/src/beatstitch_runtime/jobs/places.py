"""Room for so many jobs at a time, of one slot or shared by several.

Slots that share their places must not hold messages that another pod could work on: so a slot asks
for a job only while a place is free, and one that stands back asks a moment after those that go
first. When two took a job for one place all the same, the second waits here, with its lease kept:
who goes first before who stands back, but nobody longer than `PATIENCE_S` for that reason.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# How much later than the others a slot asks that stands back: enough for an answer to come.
GRACE_S = 0.05
# A job of a slot that stands back counts as if it had come so much later.
PATIENCE_S = 30.0

Place = asyncio.Future[None]
"""A claim on a place: done when it is held."""


class Places:
    """A number of places. Not to be shared between event loops."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError("at least one place")
        self._free = count
        self._held: set[Place] = set()
        self._line: list[tuple[float, int, Place]] = []
        self._number = 0
        self._room = asyncio.Event()
        self._room.set()

    async def open(self, *, first: bool = True) -> None:
        """Returns while a place is free and nobody waits for it.

        Args:
            first: False for a slot that stands back where others wait too.
        """
        while True:
            await self._room.wait()
            if first:
                return
            await asyncio.sleep(GRACE_S)
            if self._room.is_set():
                return

    def claim(self, *, first: bool = True) -> Place:
        """A place, at once or as soon as it is this one's turn; to be given back either way."""
        place: Place = asyncio.get_running_loop().create_future()
        due = time.monotonic() + (0.0 if first else PATIENCE_S)
        self._number += 1
        heapq.heappush(self._line, (due, self._number, place))
        self._seat()
        return place

    @asynccontextmanager
    async def held(self, *, first: bool = True) -> AsyncIterator[None]:
        """A place for as long as the block lasts; waits for it.

        Args:
            first: False for one that stands back where others wait too.
        """
        place = self.claim(first=first)
        try:
            await place
            yield
        finally:
            self.give_back(place)

    def give_back(self, place: Place) -> None:
        """Leaves the place, or the line before it."""
        if place in self._held:
            self._held.remove(place)
            self._free += 1
        else:
            place.cancel()
        self._seat()

    def _seat(self) -> None:
        while self._line and (self._free or self._line[0][2].done()):
            place = heapq.heappop(self._line)[2]
            if not place.done():
                self._free -= 1
                self._held.add(place)
                place.set_result(None)
        if self._free and not self._line:
            self._room.set()
        else:
            self._room.clear()
