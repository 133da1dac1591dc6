"""Tasks that end when they are told to.

A cancellation may get lost. Python 3.11's `asyncio.wait_for`, through which nats-py waits for every
answer, hands over the answer when that comes in the same moment (cpython issue 86296); a query that
is cancelled on a dying connection fails while it cleans up, and what comes out is the database's
error. Whoever goes on after that, because it loops or tries again, goes on for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 1.0


def stop_if_cancelled() -> None:
    """Ends a loop whose cancellation got lost; to be called once a round.

    Raises:
        asyncio.CancelledError: The task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def end(task: asyncio.Future[Any]) -> None:
    """Cancels a task, again and again until it has ended; whatever it ended with is dropped."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_S)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio doesn't complain about it
