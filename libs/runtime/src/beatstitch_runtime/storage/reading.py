"""Large objects out of the bucket: as parts, and into a file through broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, BinaryIO, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from beatstitch_runtime.storage.errors import storage_error

if TYPE_CHECKING:
    from obstore import GetOptions
    from typing_extensions import Buffer

FETCH_BYTES: Final = 1024 * 1024
STREAM_BYTES: Final = 256 * 1024
FETCH_TRIES: Final = 4


async def size_of(store: S3Store, key: str) -> int:
    """The object's size in bytes.

    Raises:
        FileNotFoundError: There is none.
    """
    return int((await obstore.head_async(store, key))["size"])


async def read(
    store: S3Store, key: str, offset: int, chunk_bytes: int, length: int | None = None
) -> AsyncGenerator[Buffer, None]:
    """The object from `offset` on, `length` bytes at most, in parts of `chunk_bytes` at least."""
    if offset or length is not None:
        if offset >= await size_of(store, key):
            return  # S3 refuses a range that begins at the end
        options: GetOptions = {"range": {"offset": offset}}
        if length is not None:
            options = {"range": (offset, offset + length)}
        result = await obstore.get_async(store, key, options=options)
    else:
        result = await obstore.get_async(store, key)
    async for chunk in result.stream(min_chunk_size=chunk_bytes):
        yield chunk


async def fetch_into(
    store: S3Store, key: str, file: BinaryIO, seen: Callable[[Buffer], None]
) -> int:
    """The whole object into a file, and each part to `seen`; its size in bytes.

    Goes on where a broken connection left off.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN: it broke too often.
        FileNotFoundError: There is none.
        OSError: The file takes no more.
    """
    offset, tries = 0, 0

    def write(chunk: Buffer) -> None:
        file.write(chunk)
        seen(chunk)

    while True:
        try:
            async for chunk in read(store, key, offset, FETCH_BYTES):
                await asyncio.to_thread(write, chunk)
                offset += memoryview(chunk).nbytes
        except BaseError as error:
            tries += 1
            if tries == FETCH_TRIES or not offset:  # a first request was retried by obstore
                raise storage_error(error, key) from error
            await asyncio.sleep(0.1 * 2**tries)
        else:
            return offset
