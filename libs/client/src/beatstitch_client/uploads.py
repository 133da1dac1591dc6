"""Bringing a file in: PUT to signed URLs, or over the call itself where those can't be reached."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal, NamedTuple

import grpc

from beatstitch.v1 import asset_service_pb2 as messages
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch_client.connection import Backoff
from beatstitch_client.errors import translate
from beatstitch_client.file_bytes import Report, read_chunks, sha256_of
from beatstitch_client.media_files import media_type_of
from beatstitch_client.signed_puts import UrlError, put_parts
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

STREAM_TIMEOUT_S = 3600.0

log = logging.getLogger(__name__)


class Upload(NamedTuple):
    """A file that is there.

    Attributes:
        asset: The asset, PROCESSING.
        job: The job that looks at it: BEAT_ANALYSIS or THUMBNAIL_GEN.
    """

    asset: Asset
    job: Job


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
        report = Report(on_bytes)
        if via != "stream":
            try:
                return await self._by_url(project_id, path, kind, size, sha256, report)
            except UrlError as error:
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
        report: Report,
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
            done = await put_parts(path, list(created.parts), report)
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

    async def _forget(self, asset_id: str) -> None:
        """Deletes the asset of an upload that came to nothing, as far as that can be done."""
        request = messages.DeleteAssetRequest(asset_id=asset_id, request_id=new_id())
        try:
            await self._assets.DeleteAsset(request, timeout=5.0, metadata=self._connection.metadata)
        except grpc.aio.AioRpcError:
            log.debug("the asset %s of a broken upload stays until the server cleans up", asset_id)

    async def _by_stream(
        self, project_id: str, path: Path, kind: MediaType.ValueType, sha256: str, report: Report
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
