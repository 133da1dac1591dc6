"""Bringing a file in: PUT to signed URLs, or over the call itself where those can't be reached."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Literal, NamedTuple

import grpc

from beatstitch.v1 import asset_service_pb2 as messages
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch_client.connection import Backoff
from beatstitch_client.errors import translate
from beatstitch_client.file_bytes import Report, read_chunks, sha256_of
from beatstitch_client.media_files import media_type_of
from beatstitch_client.resuming import Named, Ticket, ticket
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

    async def upload(  # noqa: PLR0917
        self,
        project_id: str,
        path: Path,
        media_type: MediaType.ValueType | None,
        via: Via,
        on_bytes: Callable[[int], None] | None,
        request_id: str = "",
    ) -> Upload:
        """See `AsyncClient.upload`."""
        if request_id and via == "auto":
            raise field_error("request_id", 'needs via "url" or "stream": one upload has one way')
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
                last = via == "url"
                return await self._by_url(
                    project_id, path, kind, size, sha256, report, last=last, request_id=request_id
                )
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
        return await self._by_stream(project_id, path, kind, sha256, report, request_id)

    async def _by_url(  # noqa: PLR0917
        self,
        project_id: str,
        path: Path,
        kind: MediaType.ValueType,
        size: int,
        sha256: str,
        report: Report,
        *,
        last: bool,
        request_id: str,
    ) -> Upload:
        """By signed URLs; `last` says that there is no other way to try after this one."""
        request = messages.CreateUploadRequest(
            project_id=project_id,
            filename=path.name,
            size_bytes=size,
            media_type=kind,
            sha256=sha256,
        )
        place = self._connection.address
        with (
            nullcontext(Named(request_id))
            if request_id
            else ticket(size, place, project_id, path.name, str(kind), sha256)
        ) as held:
            asset_id, parts = await self._begin(request, held)
            try:
                # No parts: what the caller names was completed, and the answer lost.
                done = await self._put(path, asset_id, parts, report) if parts else []
            except UrlError:
                if not (last and held.lasting):  # else another try goes on with it
                    held.done()
                    await asyncio.shield(self._forget(asset_id))
                raise
            except BaseException:
                if not held.lasting:
                    await asyncio.shield(self._forget(asset_id))
                raise
            completed = await self._connection.call(
                self._assets.CompleteUpload,
                messages.CompleteUploadRequest(asset_id=asset_id, parts=done, request_id=new_id()),
            )
            held.done()
        return Upload(completed.asset, completed.job)

    async def _begin(
        self, request: messages.CreateUploadRequest, held: Ticket
    ) -> tuple[str, list[messages.UploadPart]]:
        """Declares the file, or finds the upload of it that was left; its id and its parts."""
        request.request_id = held.request_id
        created = await self._connection.call(self._assets.CreateUpload, request)
        if not held.resumed:
            return created.asset.id, list(created.parts)
        if held.named:
            return created.asset.id, await self._parts(created.asset.id)
        try:
            parts = await self._parts(created.asset.id)
        except BeatStitchError as error:
            if error.reason != failure_pb2.ERROR_REASON_ASSET_NOT_FOUND:
                raise
            parts = []
        if parts:
            log.info("%s is gone on with", request.filename)
            return created.asset.id, parts
        # It was completed, or cleaned away: what is uploaded now is another asset.
        held.renew()
        return await self._begin(request, held)

    async def _parts(self, asset_id: str) -> list[messages.UploadPart]:
        """All parts with links that work from now on; none when the upload is over."""
        request = messages.GetUploadRequest(asset_id=asset_id)
        return list((await self._connection.call(self._assets.GetUpload, request)).parts)

    async def _put(
        self, path: Path, asset_id: str, parts: list[messages.UploadPart], report: Report
    ) -> list[messages.CompletedPart]:
        """PUTs what is missing; links that end on the way are asked for anew."""
        while True:
            try:
                return await put_parts(path, parts, report, self._connection.https)
            except UrlError as error:
                missing = sum(not part.done for part in parts)
                if not error.refused:
                    raise
                parts = await self._parts(asset_id)
                if not 0 < sum(not part.done for part in parts) < missing:
                    raise  # new links helped nothing
                report.back_to_zero()

    async def _forget(self, asset_id: str) -> None:
        """Deletes the asset of an upload that came to nothing, as far as that can be done."""
        request = messages.DeleteAssetRequest(asset_id=asset_id, request_id=new_id())
        try:
            await self._assets.DeleteAsset(request, timeout=5.0, metadata=self._connection.metadata)
        except grpc.aio.AioRpcError:
            log.debug("the asset %s of a broken upload stays until the server cleans up", asset_id)

    async def _by_stream(  # noqa: PLR0917
        self,
        project_id: str,
        path: Path,
        kind: MediaType.ValueType,
        sha256: str,
        report: Report,
        request_id: str,
    ) -> Upload:
        header = messages.UploadHeader(
            project_id=project_id,
            filename=path.name,
            media_type=kind,
            sha256=sha256,
            request_id=request_id or new_id(),
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
