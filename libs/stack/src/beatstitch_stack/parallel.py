"""Blocking calls side by side, none of them left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


async def in_threads(calls: Iterable[Callable[[], object]]) -> None:
    """Run each call in a thread; return when all have ended, then raise the first's error if any.

    A call can't be interrupted, so cancellation waits for all of them too: otherwise a server
    could finish starting after it was stopped.
    """
    running = asyncio.gather(*map(asyncio.to_thread, calls), return_exceptions=True)
    try:
        results = await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise
    for result in results:
        if isinstance(result, BaseException):
            raise result
