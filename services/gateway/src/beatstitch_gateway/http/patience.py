"""A request of which nothing comes any more ends, and doesn't hold its connection for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[Any]]


def patient(receive: Receive, limit_s: float) -> Receive:
    """The request's `receive`, after whose silence the client counts as gone.

    Args:
        receive: Of ASGI.
        limit_s: Seconds between two parts of the body. After the last part there is none: the
            client waits for us then.
    """
    whole = False

    async def next_message() -> Any:  # noqa: ANN401 - of ASGI
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(limit_s):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        whole = not message.get("more_body", False)
        return message

    return next_message
