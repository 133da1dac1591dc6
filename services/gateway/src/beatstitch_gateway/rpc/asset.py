"""AssetService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from collections.abc import AsyncIterator

from beatstitch.v1 import asset_pb2, common_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2 import (
    CompleteUploadRequest,
    CompleteUploadResponse,
    CreateAssetDownloadLinkRequest,
    CreateAssetDownloadLinkResponse,
    CreateUploadRequest,
    CreateUploadResponse,
    DeleteAssetRequest,
    DeleteAssetResponse,
    GetAssetRequest,
    GetAssetResponse,
    GetFilmstripRequest,
    GetFilmstripResponse,
    GetThumbnailRequest,
    GetThumbnailResponse,
    GetUploadRequest,
    GetUploadResponse,
    ImportAssetRequest,
    ImportAssetResponse,
    ListAssetsRequest,
    ListAssetsResponse,
    ReorderAssetsRequest,
    ReorderAssetsResponse,
    UploadAssetRequest,
    UploadAssetResponse,
)
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceServicer
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway import paging, specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import assets, jobs, projects, uploads
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.not_found import no_asset
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.cancel import cancel_row
from beatstitch_gateway.links import expiry
from beatstitch_gateway.stitch.drive import advance_stitch
from beatstitch_gateway.uploads.direct import complete_upload, create_upload
from beatstitch_gateway.uploads.importing import Importer
from beatstitch_gateway.uploads.progress import get_upload
from beatstitch_gateway.uploads.stream import upload
from beatstitch_gateway.validation import Check

_LIST = "assets"


class AssetRpc(AssetServiceServicer):
    """Bringing the song, the pictures and the clips in."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._importer = Importer(deps.settings)

    async def CreateUpload(
        self, request: CreateUploadRequest, context: Context
    ) -> CreateUploadResponse:
        """Declares a file and answers with signed URLs to PUT its bytes to."""
        return await create_upload(self._deps, current_tenant(), request)

    async def GetUpload(self, request: GetUploadRequest, context: Context) -> GetUploadResponse:
        """Which parts are there, and new signed URLs for those that aren't."""
        return await get_upload(self._deps, current_tenant(), request)

    async def CompleteUpload(
        self, request: CompleteUploadRequest, context: Context
    ) -> CompleteUploadResponse:
        """Says that all parts are there."""
        return await complete_upload(self._deps, current_tenant(), request)

    async def UploadAsset(
        self, request_iterator: AsyncIterator[UploadAssetRequest], context: Context
    ) -> UploadAssetResponse:
        """Brings a file in over the call itself."""
        return await upload(self._deps, current_tenant(), aiter(request_iterator))

    async def ImportAsset(
        self, request: ImportAssetRequest, context: Context
    ) -> ImportAssetResponse:
        """Takes an object that lies in a bucket which may be read."""
        return await self._importer.take(self._deps, current_tenant(), request)

    async def GetAsset(self, request: GetAssetRequest, context: Context) -> GetAssetResponse:
        """One asset."""
        async with self._deps.database.transaction() as tx:
            row = await assets.get(tx, current_tenant(), request.asset_id)
        return GetAssetResponse(asset=row.asset)

    async def ListAssets(self, request: ListAssetsRequest, context: Context) -> ListAssetsResponse:
        """A project's assets: media by position, then audio."""
        wanted = paging.Wanted(_LIST, request, int, str)
        after = (int(wanted.after[0]), str(wanted.after[1])) if wanted.after else None
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            rows = await assets.page(tx, tenant, request.project_id, wanted.rows, after)
        page, token = wanted.cut(rows, lambda row: [row[1], row[0].asset.id])
        found = [row.asset for row, _place in page]
        return ListAssetsResponse(assets=found, next_page_token=token)

    async def ReorderAssets(
        self, request: ReorderAssetsRequest, context: Context
    ) -> ReorderAssetsResponse:
        """Puts the project's media into a new order."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> ReorderAssetsResponse:
            await projects.get(tx, tenant, request.project_id, lock=True)
            rows = await assets.media(tx, tenant, request.project_id, lock=True)
            known = {row.asset.id: row for row in rows}
            for asset_id in request.asset_ids:
                if asset_id not in known:
                    raise no_asset(asset_id)
            if sorted(request.asset_ids) != sorted(known):
                raise field_error(
                    "asset_ids", "has to name all of the project's pictures and clips, each once"
                )
            for place, asset_id in enumerate(request.asset_ids):
                row = known[asset_id]
                if row.asset.position != place:
                    row.asset.position = place
                    await assets.update(tx, row)
            ordered = [known[asset_id].asset for asset_id in request.asset_ids]
            return ReorderAssetsResponse(assets=ordered)

        call = Call(tenant, request)
        return await once(self._deps.database, call, ReorderAssetsResponse, work)

    async def DeleteAsset(
        self, request: DeleteAssetRequest, context: Context
    ) -> DeleteAssetResponse:
        """Deletes an asset; what still looks at it is cancelled."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> DeleteAssetResponse:
            seen = await assets.get(tx, tenant, request.asset_id)
            # Locks in everybody's order: stitches, jobs, the asset.
            stitches = await jobs.open_stitches(tx, seen.asset.project_id)
            for job in await jobs.unfinished(tx, tenant, asset_id=request.asset_id):
                await cancel_row(tx, job)
            row = await assets.get(tx, tenant, request.asset_id, lock=True)
            tx.after.unwanted_uploads += await uploads.open_in(tx, tenant, asset_id=row.asset.id)
            tx.after.unwanted_keys.append(row.key)
            await assets.delete(tx, tenant, row.asset.id)
            for stitch_id in stitches:
                await advance_stitch(tx, stitch_id)
            return DeleteAssetResponse()

        call = Call(tenant, request)
        return await once(self._deps.database, call, DeleteAssetResponse, work)

    async def GetThumbnail(
        self, request: GetThumbnailRequest, context: Context
    ) -> GetThumbnailResponse:
        """The picture that stands for a picture or clip."""
        async with self._deps.database.transaction() as tx:
            row = await assets.get(tx, current_tenant(), request.asset_id)
        if row.is_audio:
            raise field_error("asset_id", "a song has no thumbnail")
        specs.need_ready(row)
        if row.thumbnail is None:
            raise _nothing_made(row, "thumbnail")
        image = await self._deps.storage.get(row.thumbnail.key)
        return GetThumbnailResponse(image=image, content_type="image/jpeg")

    async def GetFilmstrip(
        self, request: GetFilmstripRequest, context: Context
    ) -> GetFilmstripResponse:
        """Frames of a clip side by side."""
        async with self._deps.database.transaction() as tx:
            row = await assets.get(tx, current_tenant(), request.asset_id)
        if row.asset.media_type != common_pb2.MEDIA_TYPE_VIDEO:
            raise field_error("asset_id", "only a clip has a filmstrip")
        specs.need_ready(row)
        frames = row.filmstrip_frames
        if row.filmstrip is None or not frames:
            raise _nothing_made(row, "filmstrip")
        await self._deps.storage.use_many([row.filmstrip.key])  # it stays while it is looked at
        return GetFilmstripResponse(
            image=await self._deps.storage.get(row.filmstrip.key),
            content_type="image/jpeg",
            frame_count=frames,
            step_us=row.asset.info.duration_us // frames,
        )

    async def CreateAssetDownloadLink(
        self, request: CreateAssetDownloadLinkRequest, context: Context
    ) -> CreateAssetDownloadLinkResponse:
        """A signed link to the asset's bytes."""
        async with self._deps.database.transaction() as tx:
            row = await assets.get(tx, current_tenant(), request.asset_id)
        if row.asset.state == asset_pb2.ASSET_STATE_UPLOADING:
            raise specs.not_ready(row)
        expires_s = self._deps.settings.link_expiry_s
        end = expiry(expires_s)
        url = self._deps.storage.links.sign_get(row.key, expires_s, row.asset.filename)
        return CreateAssetDownloadLinkResponse(url=url, expire_time=end)


def _nothing_made(row: AssetRow, what: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OBJECT_MISSING,
        f"no {what} was made of it",
        metadata={"asset_id": row.asset.id},
    )
