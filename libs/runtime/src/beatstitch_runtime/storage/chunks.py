"""Bytes on their way out: in chunks of one size, the next ones fetched while these are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")


async def in_chunks(parts: AsyncIterator[Buffer], chunk_bytes: int) -> AsyncIterator[bytes]:
    """The same bytes, `chunk_bytes` at a time; the last chunk may be shorter, none is empty."""
    rest = b""
    async for part in parts:
        view, begin = memoryview(part), 0
        if rest:
            begin = chunk_bytes - len(rest)
            rest += view[:begin]
            if len(rest) < chunk_bytes:
                continue
            yield rest
        end = begin + (len(view) - begin) // chunk_bytes * chunk_bytes
        for at in range(begin, end, chunk_bytes):
            yield bytes(view[at : at + chunk_bytes])
        rest = bytes(view[end:])
    if rest:
        yield rest


async def read_ahead(parts: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same parts; one more is under way while the reader has the last. Closes `parts`."""

    async def coming() -> T | None:
        return await anext(parts, None)

    task = asyncio.create_task(coming())
    try:
        while (part := await task) is not None:
            task = asyncio.create_task(coming())
            yield part
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await parts.aclose()
