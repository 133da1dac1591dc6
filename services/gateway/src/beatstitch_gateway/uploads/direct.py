"""Uploads straight to storage: declared here, PUT by the client to signed URLs, completed here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from beatstitch.v1 import asset_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2 import (
    CompletedPart,
    CompleteUploadRequest,
    CompleteUploadResponse,
    CreateUploadRequest,
    CreateUploadResponse,
    UploadPart,
)
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.db import assets, jobs, projects, uploads
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.db.uploads import UploadRow
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once, remembered, surely_undone
from beatstitch_gateway.links import expiry
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.uploads.intake import admit, begin_ingest, new_asset
from beatstitch_gateway.uploads.plan import plan_parts
from beatstitch_gateway.uploads.progress import need_parts, sign
from beatstitch_gateway.uploads.rules import need_size
from beatstitch_gateway.validation import Check

UPLOADING = asset_pb2.ASSET_STATE_UPLOADING


async def create_upload(
    deps: Deps, tenant: str, request: CreateUploadRequest
) -> CreateUploadResponse:
    """Declares a file and signs where to PUT it.

    Raises:
        BeatStitchError: FIELD_INVALID, INPUT_TOO_LARGE, PROJECT_NOT_FOUND, QUOTA_EXCEEDED,
            DEPENDENCY_DOWN.
    """
    check = Check()
    check.request_id(request.request_id)
    check.filename(request.filename)
    check.media_type(request.media_type)
    check.sha256(request.sha256)
    check.that(request.size_bytes >= 1, "size_bytes", "has to be 1 at least")
    check.done()
    need_size(deps.limits, request.media_type, request.size_bytes)
    call = Call(tenant, request)
    known = await remembered(deps.database, call, CreateUploadResponse)
    if known is not None:
        return known
    async with deps.database.transaction() as tx:
        await projects.get(tx, tenant, request.project_id)
    row = new_asset(
        tenant,
        request.project_id,
        request.filename,
        request.media_type,
        size_bytes=request.size_bytes,
        sha256=request.sha256,
    )
    parts = plan_parts(
        request.size_bytes,
        single_put_bytes=deps.settings.single_put_bytes,
        part_bytes=deps.settings.part_bytes,
    )
    upload_id = await deps.multipart.begin(row.key) if len(parts) > 1 else ""
    try:
        reply = await once(
            deps.database,
            call,
            CreateUploadResponse,
            lambda tx: _store(tx, deps, row, parts, upload_id),
        )
    except BeatStitchError as error:
        if surely_undone(error):
            await _forget(deps, row, upload_id)
        raise
    if reply.asset.id != row.asset.id:  # a twin of this call was faster
        await _forget(deps, row, upload_id)
    return reply


async def _store(
    tx: Transaction, deps: Deps, row: AssetRow, parts: Sequence[UploadPart], upload_id: str
) -> CreateUploadResponse:
    want = Want(assets=1, stored_bytes=row.asset.size_bytes)
    await deps.quotas.need(tx, row.tenant, want)
    await admit(tx, row, deps.limits)
    end = expiry(deps.settings.link_expiry_s)
    upload = UploadRow(
        asset_id=row.asset.id,
        upload_id=upload_id,
        part_count=len(parts),
        expire_time=end.ToDatetime(tzinfo=UTC),
        part_bytes=parts[0].size_bytes,
    )
    await uploads.insert(tx, upload)
    sign(deps, row, upload, parts)
    return CreateUploadResponse(asset=row.asset, parts=parts, expire_time=end)


async def _forget(deps: Deps, row: AssetRow, upload_id: str) -> None:
    if upload_id:
        await deps.multipart.abort(row.key, upload_id)


async def complete_upload(
    deps: Deps, tenant: str, request: CompleteUploadRequest
) -> CompleteUploadResponse:
    """Checks that the bytes are there and begins to look at them.

    Completing what was completed answers with the asset as it is and the job that looks at it.

    Raises:
        BeatStitchError: FIELD_INVALID, ASSET_NOT_FOUND, UPLOAD_MISMATCH, DEPENDENCY_DOWN.
    """
    check = Check()
    check.request_id(request.request_id)
    for index, part in enumerate(request.parts):
        check.sha256(part.sha256, f"parts[{index}].sha256")
    check.done()
    call = Call(tenant, request)
    known = await remembered(deps.database, call, CompleteUploadResponse)
    if known is not None:
        return known
    async with deps.database.transaction() as tx:
        row = await assets.get(tx, tenant, request.asset_id)
        upload = await uploads.find(tx, request.asset_id)
    if row.asset.state == UPLOADING and upload is not None:
        # Outside of the transaction: joining many parts takes S3 its time.
        await _join(deps, row, upload, request.parts)
        await _need_size(deps, row)
        await need_parts(deps, row, upload, request.parts)
    return await once(
        deps.database,
        call,
        CompleteUploadResponse,
        lambda tx: _begin(tx, deps, tenant, request.asset_id),
    )


async def _begin(tx: Transaction, deps: Deps, tenant: str, asset_id: str) -> CompleteUploadResponse:
    # Its bytes were counted when the upload was declared; the quota may have shrunk since.
    await deps.quotas.need(tx, tenant, Want(jobs=1, assets=0, stored_bytes=0))
    row = await assets.get(tx, tenant, asset_id, lock=True)
    if row.asset.state != UPLOADING:
        job_row = await jobs.find(tx, row.asset.ingest_job_id, tenant=tenant)
        return CompleteUploadResponse(
            asset=row.asset, job=job_row.job if job_row is not None else None
        )
    job = await begin_ingest(tx, row)
    return CompleteUploadResponse(asset=row.asset, job=job)


async def _join(
    deps: Deps, row: AssetRow, upload: UploadRow, parts: Sequence[CompletedPart]
) -> None:
    if not upload.upload_id:
        return
    numbers = sorted(part.part_number for part in parts)
    if numbers != list(range(1, upload.part_count + 1)):
        raise field_error("parts", f"has to name each of the parts 1 to {upload.part_count} once")
    if not all(part.etag.strip('" ') for part in parts):
        raise field_error("parts", "each part needs the ETag header of its PUT's reply")
    await deps.multipart.complete(row.key, upload.upload_id, parts)


async def _need_size(deps: Deps, row: AssetRow) -> None:
    size = await deps.storage.head(row.key)
    if size != row.asset.size_bytes:
        came = "nothing" if size is None else f"{size} bytes"
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
            f"{row.asset.size_bytes} bytes were declared, {came} came",
            metadata={"declared": str(row.asset.size_bytes), "received": str(size or 0)},
        )
