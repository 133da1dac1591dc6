"""Objects in the S3 bucket: whole, streamed, from and to files.

Every failure is a `BeatStitchError`: OBJECT_MISSING {key}, DEPENDENCY_DOWN {dependency: storage},
DISK_FULL, or UPLOAD_MISMATCH where bytes are not what their checksum says.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.metrics.storage import measured, measured_parts
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage.chunks import in_chunks, read_ahead
from beatstitch_runtime.storage.connect import open_store
from beatstitch_runtime.storage.errors import check_key, storage_error, storage_errors
from beatstitch_runtime.storage.links import Links
from beatstitch_runtime.storage.local_files import remove_file, sha256_of_file, size_of_file
from beatstitch_runtime.storage.presign import Credentials
from beatstitch_runtime.storage.reading import (
    FETCH_BYTES,
    STREAM_BYTES,
    fetch_into,
    read,
    size_of,
)
from beatstitch_runtime.storage.stored import Stored
from beatstitch_runtime.storage.touching import Toucher

PART_BYTES: Final = 8 * 1024 * 1024
WHOLE_BYTES: Final = PART_BYTES
UPLOADS_AT_ONCE: Final = 4
REQUESTS_AT_ONCE: Final = 32


class Storage:
    """One bucket.

    Attributes:
        links: What signs links for clients.
    """

    def __init__(
        self, store: S3Store, links: Links, toucher: Toucher, touch_after_s: float
    ) -> None:
        self.links = links
        self._store = store
        self._toucher = toucher
        self._touch_after = timedelta(seconds=touch_after_s)
        self._requests = asyncio.Semaphore(REQUESTS_AT_ONCE)

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """The bucket that the settings name; nothing is connected yet."""
        bucket, inside = settings.s3_bucket, settings.s3_endpoint
        credentials = Credentials(
            settings.s3_access_key.get_secret_value(),
            settings.s3_secret_key.get_secret_value(),
            settings.s3_region,
        )
        return cls(
            open_store(settings),
            Links(settings.s3_public_endpoint or inside, bucket, credentials),
            Toucher(inside, bucket, credentials, settings.s3_ca_file),
            settings.s3_touch_after_s,
        )

    @measured("get")
    async def get(self, key: str) -> bytes:
        """The whole object, for small ones."""
        with storage_errors(key):
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    @measured("get_range")
    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        """`length` ≥ 1 bytes of the object from `offset` on; fewer where it ends before."""
        with storage_errors(key):
            try:
                found = await obstore.get_range_async(self._store, key, start=offset, length=length)
            except FileNotFoundError:
                raise
            except BaseError:
                # S3 refuses a range that begins at the end.
                if offset < await size_of(self._store, key):
                    raise
                return b""
            return bytes(found)

    @measured("put")
    async def put(self, key: str, data: bytes) -> ObjectRef:
        """Store the bytes, over what was there."""
        with storage_errors(key):
            await obstore.put_async(self._store, key, data, use_multipart=False)
        return ObjectRef(key=key, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    async def put_file(self, key: str, path: Path) -> ObjectRef:
        """Store a file, reading it once."""
        size = await asyncio.to_thread(size_of_file, path)
        if size <= WHOLE_BYTES:
            return await self.put(key, await asyncio.to_thread(path.read_bytes))
        return await self.put_stream(key, _read_parts(path))

    async def put_file_if_absent(self, key: str, path: Path) -> ObjectRef:
        """Store a file under its content's name, unless an object of its size is there already."""
        size = await asyncio.to_thread(size_of_file, path)
        if await self.head(key) != size:
            return await self.put_file(key, path)
        return ObjectRef(
            key=key, sha256=await asyncio.to_thread(sha256_of_file, path), size_bytes=size
        )

    @measured("put_stream")
    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> ObjectRef:
        """Store what comes, in parts of 8 MiB; memory stays flat.

        An exception of `chunks` comes through as it is, and no object is made.
        """
        check_key(key)
        digest, size = hashlib.sha256(), 0
        failure: list[BaseException] = []

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            try:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
            except BaseException as error:
                failure.append(error)
                raise

        try:
            await obstore.put_async(
                self._store,
                key,
                counted(),
                chunk_size=PART_BYTES,
                max_concurrency=UPLOADS_AT_ONCE,
            )
        except (BaseError, OSError, BeatStitchError) as error:
            if failure:
                raise failure[0] from None
            if isinstance(error, BeatStitchError):
                raise
            raise storage_error(error, key) from error
        return ObjectRef(key=key, sha256=digest.hexdigest(), size_bytes=size)

    @measured("fetch")
    async def fetch(self, ref: ObjectRef, path: Path) -> ObjectRef:
        """Download to a file; goes on where a broken connection left off.

        Returns:
            Key, sha256 and size of what was read.

        Raises:
            BeatStitchError: UPLOAD_MISMATCH when `ref.sha256` is set and differs; the file is
                removed then.
        """
        check_key(ref.key)
        digest = hashlib.sha256()
        size = 0
        try:
            # Not opened in a thread: a cancelled call would leave the open file to nobody.
            with path.open("wb") as file:
                size = await fetch_into(self._store, ref.key, file, digest.update)
        except (OSError, ValueError) as error:
            await asyncio.to_thread(remove_file, path)
            raise storage_error(error, ref.key) from error
        actual = digest.hexdigest()
        if ref.sha256 and actual != ref.sha256:
            await asyncio.to_thread(remove_file, path)
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
                "an object's bytes are not what its checksum says",
                metadata={"key": ref.key, "expected": ref.sha256, "actual": actual},
            )
        return ObjectRef(key=ref.key, sha256=actual, size_bytes=size)

    @measured_parts("stream")
    async def stream(
        self, key: str, offset: int = 0, chunk_bytes: int = STREAM_BYTES, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The object from `offset` on, in chunks of `chunk_bytes`; the last one may be shorter.

        Args:
            key: The object.
            offset: The first byte.
            chunk_bytes: Size of the chunks.
            length: Most bytes, 1 at least; None for all that follow.
        """
        with storage_errors(key):
            parts = read(self._store, key, offset, max(chunk_bytes, FETCH_BYTES), length)
            async with aclosing(read_ahead(parts)) as ahead:
                async for chunk in in_chunks(ahead, chunk_bytes):
                    yield chunk

    @measured("head")
    async def head(self, key: str) -> int | None:
        """Size of the object in bytes; None when there is none."""
        with storage_errors(key):
            try:
                return await size_of(self._store, key)
            except FileNotFoundError:
                return None

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return await self.head(key) is not None

    async def exists_many(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an object."""

        async def found(key: str) -> str | None:
            async with self._requests:
                return key if await self.exists(key) else None

        answers = await asyncio.gather(*(found(key) for key in dict.fromkeys(keys)))
        return {key for key in answers if key is not None}

    @measured("stat")
    async def stat(self, key: str) -> Stored | None:
        """Size and time of an object; None when there is none."""
        with storage_errors(key):
            try:
                found = await obstore.head_async(self._store, key)
            except FileNotFoundError:
                return None
        return Stored(key, int(found["size"]), found["last_modified"])

    async def use_many(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an object, which count as used now.

        What is used stays: the bucket's cleaning goes by an object's time, which is brought up to
        now where it is older than the setting s3_touch_after_s.
        """

        async def used(key: str) -> str | None:
            async with self._requests:
                found = await self.stat(key)
                if found is None:
                    return None
                if datetime.now(UTC) - found.modified < self._touch_after:
                    return key
                return key if await self._toucher.touch(key) else None

        answers = await asyncio.gather(*(used(key) for key in dict.fromkeys(keys)))
        return {key for key in answers if key is not None}

    @measured("delete")
    async def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects; those that don't exist are no error."""
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), 1000):
            batch = wanted[start : start + 1000]
            with storage_errors(batch[0]), suppress(FileNotFoundError):
                await obstore.delete_async(self._store, batch)

    @measured_parts("list")
    async def list(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Key and size of each object below a prefix that ends in "/", in the order of the keys."""
        with storage_errors(prefix):
            async for page in obstore.list(self._store, prefix=prefix, chunk_size=1000):
                for entry in page:
                    yield entry["path"], int(entry["size"])

    @measured_parts("list")
    async def inventory(self, prefix: str) -> AsyncIterator[Stored]:
        """Each object below a prefix that ends in "/", in the order of the keys."""
        with storage_errors(prefix):
            async for page in obstore.list(self._store, prefix=prefix, chunk_size=1000):
                for entry in page:
                    yield Stored(entry["path"], int(entry["size"]), entry["last_modified"])


async def _read_parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, PART_BYTES):
            yield part
