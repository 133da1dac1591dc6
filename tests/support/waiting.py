"""Waiting for what happens elsewhere and tells nobody."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], timeout_s: float = 15.0
) -> None:
    """Waits until the condition holds; it may be a coroutine function.

    Raises:
        TimeoutError: It never held.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            held = condition()
            if inspect.isawaitable(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.02)
