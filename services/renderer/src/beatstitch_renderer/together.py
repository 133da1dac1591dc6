"""Several things at once, of which the first failure ends the others and is raised as it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable


async def together(work: Iterable[Coroutine[Any, Any, object]], at_once: int = 8) -> None:
    """Runs all, at most `at_once` at a time; raises the first failure itself, not a group."""
    places = asyncio.Semaphore(at_once)

    async def one(step: Coroutine[Any, Any, object]) -> None:
        async with places:
            await step

    steps = list(work)
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(one(step))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        for step in steps:
            step.close()  # those that never began
