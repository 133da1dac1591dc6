"""Bytes to and from signed links, as any HTTP client would do it."""

from __future__ import annotations

import asyncio
import urllib.request


async def put(url: str, data: bytes) -> str:
    """PUTs bytes; returns the ETag."""

    def work() -> str:
        request = urllib.request.Request(url, data=data, method="PUT")  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            return reply.headers["ETag"]

    return await asyncio.to_thread(work)


async def get(url: str, **headers: str) -> bytes:
    """The bytes behind a link."""

    def work() -> bytes:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            return reply.read()

    return await asyncio.to_thread(work)
