"""Background loops that end when they are told to."""

from __future__ import annotations

import asyncio


def stop_if_cancelled() -> None:
    """Ends a loop whose cancellation another exception took the place of.

    A query that is cancelled on a dying connection fails while it cleans up, and what comes out is
    the database's error: a loop that goes on after errors would then go on for ever.

    Raises:
        asyncio.CancelledError: The task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
