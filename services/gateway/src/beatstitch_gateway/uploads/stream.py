"""An upload over the call itself: a header, then chunks, straight into storage."""

from __future__ import annotations

from collections.abc import AsyncIterator

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_service_pb2 import UploadAssetRequest, UploadAssetResponse, UploadHeader
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.db import projects
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once, surely_undone
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.uploads.intake import admit, begin_ingest, new_asset
from beatstitch_gateway.uploads.rules import need_size
from beatstitch_gateway.validation import Check

MAX_CHUNK_BYTES = 1024 * 1024


async def upload(
    deps: Deps, tenant: str, messages: AsyncIterator[UploadAssetRequest]
) -> UploadAssetResponse:
    """Takes a whole file in.

    Raises:
        BeatStitchError: FIELD_INVALID, PROJECT_NOT_FOUND, INPUT_TOO_LARGE, UPLOAD_MISMATCH,
            QUOTA_EXCEEDED.
    """
    header = await _header(messages)
    async with deps.database.transaction() as tx:
        await projects.get(tx, tenant, header.project_id)
        # Better told before the bytes came than after; what counts is said below.
        await deps.quotas.need(tx, tenant, Want(jobs=1, assets=1, stored_bytes=1))
    row = new_asset(tenant, header.project_id, header.filename, header.media_type)
    try:
        ref = await deps.storage.put_stream(row.key, _chunks(deps, header, messages))
        _need_match(header, ref.sha256, ref.size_bytes)
    except BaseException:
        await deps.storage.delete([row.key])
        raise
    row.asset.size_bytes = ref.size_bytes
    row.declared_sha256 = ref.sha256

    async def work(tx: Transaction) -> UploadAssetResponse:
        size = row.asset.size_bytes
        await deps.quotas.need(tx, tenant, Want(jobs=1, assets=1, stored_bytes=size))
        await admit(tx, row, deps.limits)
        job = await begin_ingest(tx, row)
        return UploadAssetResponse(asset=row.asset, job=job)

    call = Call(tenant, header, content=ref.sha256)
    try:
        reply = await once(deps.database, call, UploadAssetResponse, work)
    except BeatStitchError as error:
        if surely_undone(error):
            await deps.storage.delete([row.key])
        raise
    if reply.asset.id != row.asset.id:  # the call was answered before
        await deps.storage.delete([row.key])
    return reply


async def _header(messages: AsyncIterator[UploadAssetRequest]) -> UploadHeader:
    first = await anext(messages, None)
    if first is None or not first.HasField("header"):
        raise field_error("header", "is required in the first message")
    header = first.header
    check = Check()
    check.request_id(header.request_id)
    check.filename(header.filename, "header.filename")
    check.media_type(header.media_type, "header.media_type")
    check.sha256(header.sha256, "header.sha256")
    check.done()
    return header


async def _chunks(
    deps: Deps, header: UploadHeader, messages: AsyncIterator[UploadAssetRequest]
) -> AsyncIterator[bytes]:
    size = 0
    async for message in messages:
        if message.WhichOneof("part") != "chunk":
            raise field_error("chunk", "is required in all messages but the first")
        if len(message.chunk) > MAX_CHUNK_BYTES:
            raise field_error("chunk", f"has {MAX_CHUNK_BYTES} bytes at most")
        size += len(message.chunk)
        need_size(deps.limits, header.media_type, size)
        if message.chunk:
            yield message.chunk
    if not size:
        raise field_error("chunk", "a file has at least one byte")


def _need_match(header: UploadHeader, sha256: str, size_bytes: int) -> None:
    if header.sha256 and header.sha256 != sha256:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
            "the bytes that came are not those of the checksum",
            metadata={
                "declared": header.sha256,
                "received": sha256,
                "size_bytes": str(size_bytes),
            },
        )
