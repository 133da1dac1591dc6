"""Objects in the S3 bucket: whole, streamed, from and to files.

Every failure is a `BeatStitchError`: OBJECT_MISSING {key}, DEPENDENCY_DOWN {dependency: storage},
DISK_FULL, or UPLOAD_MISMATCH where bytes are not what their checksum says.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.chunks import in_chunks, read_ahead
from beatstitch_runtime.metrics.storage import measured, measured_parts
from beatstitch_runtime.presign import Credentials, presign
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage_errors import check_key, storage_error, storage_errors
from beatstitch_runtime.touching import Toucher

if TYPE_CHECKING:
    from obstore import GetOptions
    from typing_extensions import Buffer

PART_BYTES: Final = 8 * 1024 * 1024
WHOLE_BYTES: Final = PART_BYTES
FETCH_BYTES: Final = 1024 * 1024
STREAM_BYTES: Final = 256 * 1024
UPLOADS_AT_ONCE: Final = 4
REQUESTS_AT_ONCE: Final = 32
FETCH_TRIES: Final = 4

# Bounded: a storage that is away costs seconds, not obstore's three minutes; jobs are tried again.
_RETRY: Final = {
    "max_retries": 4,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=20),
}
# `timeout` is of the whole transfer, and a clip may have two gigabytes; stalls are what
# `read_timeout` finds.
_CLIENT: Final = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(hours=1),
}


class Stored(NamedTuple):
    """An object as a list names it.

    Attributes:
        key: Its name.
        size_bytes: Its size.
        modified: When it was stored or last used; whole seconds on some servers.
    """

    key: str
    size_bytes: int
    modified: datetime


class Storage:
    """One bucket."""

    def __init__(
        self,
        store: S3Store,
        *,
        public_url: str,
        bucket: str,
        credentials: Credentials,
        toucher: Toucher,
        touch_after_s: float,
    ) -> None:
        self._store = store
        self._public_url = public_url.rstrip("/")
        self._bucket = bucket
        self._credentials = credentials
        self._toucher = toucher
        self._touch_after = timedelta(seconds=touch_after_s)
        self._requests = asyncio.Semaphore(REQUESTS_AT_ONCE)

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """The bucket that the settings name; nothing is connected yet."""
        secret = settings.s3_secret_key.get_secret_value()
        access = settings.s3_access_key.get_secret_value()
        store = S3Store(
            settings.s3_bucket,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key_id=access,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options=_client_options(settings),  # type: ignore[arg-type]
            retry_config=_RETRY,  # type: ignore[arg-type]
        )
        credentials = Credentials(access, secret, settings.s3_region)
        return cls(
            store,
            public_url=settings.s3_public_endpoint or settings.s3_endpoint,
            bucket=settings.s3_bucket,
            credentials=credentials,
            toucher=Toucher(
                settings.s3_endpoint,
                settings.s3_bucket,
                credentials,
                settings.s3_ca_file,
            ),
            touch_after_s=settings.s3_touch_after_s,
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
                if offset < await self._size(key):
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
        size = await asyncio.to_thread(_size_of, path)
        if size <= WHOLE_BYTES:
            return await self.put(key, await asyncio.to_thread(path.read_bytes))
        return await self.put_stream(key, _read_parts(path))

    async def put_file_if_absent(self, key: str, path: Path) -> ObjectRef:
        """Store a file under its content's name, unless an object of its size is there already."""
        size = await asyncio.to_thread(_size_of, path)
        if await self.head(key) != size:
            return await self.put_file(key, path)
        return ObjectRef(key=key, sha256=await asyncio.to_thread(_sha256_of, path), size_bytes=size)

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
                size = await self._fetch_into(ref.key, file, digest.update)
        except (OSError, ValueError) as error:
            await asyncio.to_thread(_remove, path)
            raise storage_error(error, ref.key) from error
        actual = digest.hexdigest()
        if ref.sha256 and actual != ref.sha256:
            await asyncio.to_thread(_remove, path)
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
                "an object's bytes are not what its checksum says",
                metadata={"key": ref.key, "expected": ref.sha256, "actual": actual},
            )
        return ObjectRef(key=ref.key, sha256=actual, size_bytes=size)

    async def _fetch_into(self, key: str, file: BinaryIO, seen: Callable[[Buffer], None]) -> int:
        offset, tries = 0, 0

        def write(chunk: Buffer) -> None:
            file.write(chunk)
            seen(chunk)

        while True:
            try:
                async for chunk in self._read(key, offset, FETCH_BYTES):
                    await asyncio.to_thread(write, chunk)
                    offset += memoryview(chunk).nbytes
            except BaseError as error:
                tries += 1
                if tries == FETCH_TRIES or not offset:  # a first request was retried by obstore
                    raise storage_error(error, key) from error
                await asyncio.sleep(0.1 * 2**tries)
            else:
                return offset

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
            parts = self._read(key, offset, max(chunk_bytes, FETCH_BYTES), length)
            async with aclosing(read_ahead(parts)) as ahead:
                async for chunk in in_chunks(ahead, chunk_bytes):
                    yield chunk

    async def _read(
        self, key: str, offset: int, chunk_bytes: int, length: int | None = None
    ) -> AsyncGenerator[Buffer, None]:
        if offset or length is not None:
            if offset >= await self._size(key):
                return  # S3 refuses a range that begins at the end
            options: GetOptions = {"range": {"offset": offset}}
            if length is not None:
                options = {"range": (offset, offset + length)}
            result = await obstore.get_async(self._store, key, options=options)
        else:
            result = await obstore.get_async(self._store, key)
        async for chunk in result.stream(min_chunk_size=chunk_bytes):
            yield chunk

    async def _size(self, key: str) -> int:
        return int((await obstore.head_async(self._store, key))["size"])

    @measured("head")
    async def head(self, key: str) -> int | None:
        """Size of the object in bytes; None when there is none."""
        with storage_errors(key):
            try:
                return await self._size(key)
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

    def sign_get(self, key: str, expires_s: int, filename: str | None = None) -> str:
        """A link with which anybody may download the object for `expires_s` seconds.

        Args:
            key: The object; it isn't checked whether it exists.
            expires_s: 1 second to 7 days.
            filename: What a browser is to call the file.
        """
        query = {}
        if filename is not None:
            query["response-content-disposition"] = disposition(filename)
        return self._sign("GET", key, expires_s, query)

    def sign_put(self, key: str, expires_s: int, size_bytes: int, sha256: str = "") -> str:
        """A link with which anybody may upload the object for `expires_s` seconds.

        Args:
            key: The object.
            expires_s: 1 second to 7 days.
            size_bytes: How many bytes the storage takes; it refuses another number (403).
            sha256: Of the bytes, hex; the storage refuses others (400). Empty for any.
        """
        query = {}
        if sha256:
            query["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(sha256)).decode()
        return self._sign("PUT", key, expires_s, query, {"content-length": str(size_bytes)})

    def _sign(
        self,
        method: str,
        key: str,
        expires_s: int,
        query: dict[str, str],
        headers: dict[str, str] | None = None,
    ) -> str:
        url = f"{self._public_url}/{self._bucket}/{key}"
        return presign(
            method, url, self._credentials, expires_s=expires_s, query=query, headers=headers
        )


def _client_options(settings: ServiceSettings) -> dict[str, object]:
    options: dict[str, object] = dict(_CLIENT)
    # Once the endpoint is encrypted nothing, no redirect either, makes it plain.
    options["allow_http"] = settings.s3_endpoint.startswith("http://")
    if settings.s3_ca_file is not None:
        options["root_certificate"] = settings.s3_ca_file.read_bytes()
    return options


def disposition(filename: str) -> str:
    """A Content-Disposition header that names a file (RFC 6266, RFC 5987)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _size_of(path: Path) -> int:
    return path.stat().st_size


def _remove(path: Path) -> None:
    # Never a device, whatever a caller wrote to: services may run as root.
    if path.is_file():
        with suppress(OSError):
            path.unlink()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _read_parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, PART_BYTES):
            yield part
