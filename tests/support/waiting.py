"""Waiting for what happens elsewhere and tells nobody."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], timeout_s: float = 60.0
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


def until_found(condition: Callable[[], T], what: str, limit_s: float) -> T:
    """`until` for tests without a loop: what the condition returned when it was true.

    Raises:
        TimeoutError: It never was; the text is `what`.
    """
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.005)
    raise TimeoutError(what)
