"""Bringing a file in: PUT to signed URLs, or over the call itself where those can't be reached."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

import grpc
import httpx

from beatstitch.v1 import asset_service_pb2 as messages
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch_client.connection import Backoff, is_loopback
from beatstitch_client.errors import translate
from beatstitch_client.media_files import media_type_of
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from beatstitch.v1.asset_pb2 import Asset
    from beatstitch.v1.common_pb2 import MediaType
    from beatstitch.v1.job_pb2 import Job
    from beatstitch_client.connection import Connection

Via = Literal["auto", "url", "stream"]

CHUNK_BYTES = 256 * 1024
PARTS_AT_ONCE = 3
TRIES_A_PART = 4
STREAM_TIMEOUT_S = 3600.0
URL_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class Upload(NamedTuple):
    """A file that is there.

    Attributes:
        asset: The asset, PROCESSING.
        job: The job that looks at it: BEAT_ANALYSIS or THUMBNAIL_GEN.
    """

    asset: Asset
    job: Job


class _UrlError(Exception):
    """The bytes could not be stored through the signed URLs; the text names no URL."""


class Uploader:
    """Uploads files over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._assets = AssetServiceStub(connection.channel)

    async def upload(
        self,
        project_id: str,
        path: Path,
        media_type: MediaType.ValueType | None,
        via: Via,
        on_bytes: Callable[[int], None] | None,
    ) -> Upload:
        """See `AsyncClient.upload`."""
        kind = media_type or media_type_of(path)
        if kind == common_pb2.MEDIA_TYPE_UNSPECIFIED:
            raise field_error("media_type", f"can't be told from the name {path.name}; give it")
        size = (await asyncio.to_thread(path.stat)).st_size
        if size == 0:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"{path.name} is an empty file"
            )
        sha256 = await asyncio.to_thread(sha256_of, path)
        report = _Report(on_bytes)
        if via != "stream":
            try:
                return await self._by_url(project_id, path, kind, size, sha256, report)
            except _UrlError as error:
                if via == "url":
                    raise BeatStitchError(
                        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
                        f"{path.name} could not be stored: {error}",
                        metadata={"dependency": "storage"},
                    ) from error
                # The server may reach its storage where we don't: another network, a proxy.
                log.info("%s goes over the call itself: %s", path.name, error)
                report.back_to_zero()
        return await self._by_stream(project_id, path, kind, sha256, report)

    async def _by_url(  # noqa: PLR0917
        self,
        project_id: str,
        path: Path,
        kind: MediaType.ValueType,
        size: int,
        sha256: str,
        report: _Report,
    ) -> Upload:
        created = await self._connection.call(
            self._assets.CreateUpload,
            messages.CreateUploadRequest(
                project_id=project_id,
                filename=path.name,
                size_bytes=size,
                media_type=kind,
                sha256=sha256,
                request_id=new_id(),
            ),
        )
        try:
            done = await self._put_parts(path, list(created.parts), report)
        except BaseException:
            await asyncio.shield(self._forget(created.asset.id))
            raise
        completed = await self._connection.call(
            self._assets.CompleteUpload,
            messages.CompleteUploadRequest(
                asset_id=created.asset.id, parts=done, request_id=new_id()
            ),
        )
        return Upload(completed.asset, completed.job)

    async def _put_parts(
        self, path: Path, parts: list[messages.UploadPart], report: _Report
    ) -> list[messages.CompletedPart]:
        slots = asyncio.Semaphore(PARTS_AT_ONCE)
        # What is on this machine is not behind the environment's proxy.
        proxied = not all(is_loopback(urlsplit(part.url).hostname or "") for part in parts)
        async with httpx.AsyncClient(timeout=URL_TIMEOUT, trust_env=proxied) as http:

            async def one(part: messages.UploadPart) -> messages.CompletedPart:
                async with slots:
                    etag = await _put_part(http, path, part, report)
                return messages.CompletedPart(part_number=part.part_number, etag=etag)

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(part)) for part in parts]
            except BaseExceptionGroup as failures:
                # The others were cancelled because of the first.
                raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _forget(self, asset_id: str) -> None:
        """Deletes the asset of an upload that came to nothing, as far as that can be done."""
        request = messages.DeleteAssetRequest(asset_id=asset_id, request_id=new_id())
        try:
            await self._assets.DeleteAsset(request, timeout=5.0, metadata=self._connection.metadata)
        except grpc.aio.AioRpcError:
            log.debug("the asset %s of a broken upload stays until the server cleans up", asset_id)

    async def _by_stream(
        self, project_id: str, path: Path, kind: MediaType.ValueType, sha256: str, report: _Report
    ) -> Upload:
        header = messages.UploadHeader(
            project_id=project_id,
            filename=path.name,
            media_type=kind,
            sha256=sha256,
            request_id=new_id(),
        )

        async def parts() -> AsyncIterator[messages.UploadAssetRequest]:
            yield messages.UploadAssetRequest(header=header)
            async for chunk in read_chunks(path):
                report.add(len(chunk))
                yield messages.UploadAssetRequest(chunk=chunk)

        backoff = Backoff(self._connection.retry_s)
        while True:
            try:
                reply = await self._assets.UploadAsset(
                    parts(), timeout=STREAM_TIMEOUT_S, metadata=self._connection.metadata
                )
                return Upload(reply.asset, reply.job)
            except grpc.aio.AioRpcError as error:
                await backoff.wait(translate(error))
                report.back_to_zero()


class _Report:
    """Tells how many bytes are out, also when some have to be sent again."""

    def __init__(self, on_bytes: Callable[[int], None] | None) -> None:
        self._on_bytes = on_bytes
        self.sent = 0

    def add(self, count: int) -> None:
        self.sent += count
        if self._on_bytes is not None:
            self._on_bytes(self.sent)

    def back_to_zero(self) -> None:
        self.add(-self.sent)


async def _put_part(
    http: httpx.AsyncClient, path: Path, part: messages.UploadPart, report: _Report
) -> str:
    """PUTs one part, again where that may help; returns its ETag."""
    pause = 0.2
    for attempt in range(1, TRIES_A_PART + 1):
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in read_chunks(path, part.offset_bytes, part.size_bytes):
                sent += len(chunk)
                report.add(len(chunk))
                yield chunk

        try:
            reply = await http.put(
                part.url, content=body(), headers={"Content-Length": str(part.size_bytes)}
            )
            if reply.is_success:
                return str(reply.headers.get("etag", ""))
            problem = f"the storage answered {reply.status_code}"
            passing = reply.status_code >= 500 or reply.status_code in {408, 429}
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise _UrlError("its address can't be reached from here") from None
        except httpx.HTTPError as error:
            # Without the error's own text: it may hold the signed URL.
            problem, passing = type(error).__name__, True
        report.add(-sent)
        if not passing or attempt == TRIES_A_PART:
            break
        await asyncio.sleep(pause)
        pause *= 2
    raise _UrlError(problem)


async def read_chunks(path: Path, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
    """The file's bytes from `offset` on, `size` of them or up to its end, in chunks."""
    left = size
    with await asyncio.to_thread(path.open, "rb") as file:
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


class _HideSignature(logging.Filter):
    """Takes the query off the URLs that httpx logs: a signed URL is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


log = logging.getLogger(__name__)
logging.getLogger("httpx").addFilter(_HideSignature())
