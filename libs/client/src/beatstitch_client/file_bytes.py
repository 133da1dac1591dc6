"""A file's bytes on their way: in chunks, counted, hashed."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

CHUNK_BYTES = 256 * 1024


class Report:
    """Tells how many bytes are out, also when some have to be sent again."""

    def __init__(self, on_bytes: Callable[[int], None] | None) -> None:
        self._on_bytes = on_bytes
        self.sent = 0

    def add(self, count: int) -> None:
        """So many more are out."""
        self.sent += count
        if self._on_bytes is not None:
            self._on_bytes(self.sent)

    def back_to_zero(self) -> None:
        """All have to be sent again."""
        self.add(-self.sent)


async def read_chunks(path: Path, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
    """The file's bytes from `offset` on, `size` of them or up to its end, in chunks."""
    left = size
    # Not opened in a thread: a cancelled call would leave the open file to nobody.
    with path.open("rb") as file:
        file.seek(offset)
        while left is None or left > 0:
            want = CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)
            chunk = await asyncio.to_thread(file.read, want)
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def md5_of(path: Path, offset: int, size: int) -> str:
    """Base64 MD5 of a stretch of a file, as the header Content-MD5 has it (RFC 1864)."""
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in read_chunks(path, offset, size):
        await asyncio.to_thread(digest.update, chunk)
    return b64encode(digest.digest()).decode()
