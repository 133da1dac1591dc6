"""How far an upload is, and the parts that are still to come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC

from beatstitch.v1 import asset_pb2, failure_pb2
from beatstitch.v1.asset_service_pb2 import (
    CompletedPart,
    GetUploadRequest,
    GetUploadResponse,
    UploadPart,
)
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, uploads
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.uploads import UploadRow
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.links import expiry
from beatstitch_gateway.uploads.multipart import PartThere
from beatstitch_gateway.uploads.plan import cut

# What stands for an etag where S3 has joined the parts already and knows none of them any more.
JOINED = "joined"


async def get_upload(deps: Deps, tenant: str, request: GetUploadRequest) -> GetUploadResponse:
    """Which parts of an upload are there, and new signed URLs for those that aren't.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, DEPENDENCY_DOWN.
    """
    async with deps.database.transaction() as tx:
        row = await assets.get(tx, tenant, request.asset_id)
        upload = await uploads.find(tx, request.asset_id)
    if row.asset.state != asset_pb2.ASSET_STATE_UPLOADING or upload is None:
        return GetUploadResponse(asset=row.asset)
    parts = parts_of(deps, row, upload)
    if upload.upload_id:
        there = await deps.multipart.parts(row.key, upload.upload_id)
        if there is None:
            if await deps.storage.head(row.key) == row.asset.size_bytes:
                there = {part.part_number: PartThere(JOINED, part.size_bytes) for part in parts}
            else:  # thrown away meanwhile
                upload = await begin_again(deps, row, upload)
                there = {}
        mark(parts, there)
    expires_s = deps.settings.link_expiry_s
    end = expiry(expires_s)
    sign(deps, row, upload, parts)
    async with deps.database.transaction() as tx:
        # As long as its URLs work it is not forgotten.
        await uploads.put_off(tx, row.asset.id, end.ToDatetime(tzinfo=UTC))
    return GetUploadResponse(asset=row.asset, parts=parts, expire_time=end)


def parts_of(deps: Deps, row: AssetRow, upload: UploadRow) -> list[UploadPart]:
    """The parts that the upload was cut into, without URLs."""
    if not upload.upload_id:
        return cut(row.asset.size_bytes, row.asset.size_bytes)
    return cut(row.asset.size_bytes, upload.part_bytes or deps.settings.part_bytes)


def mark(parts: Sequence[UploadPart], there: Mapping[int, PartThere]) -> None:
    """Notes the parts that are there; one of another size was cut off. Pure."""
    for part in parts:
        found = there.get(part.part_number)
        if found is not None and found.size_bytes == part.size_bytes:
            part.done = True
            part.etag = found.etag


def sign(deps: Deps, row: AssetRow, upload: UploadRow, parts: Sequence[UploadPart]) -> None:
    """Signs where to PUT the parts that are not there; each link takes just the part's bytes."""
    expires_s = deps.settings.link_expiry_s
    for part in parts:
        if part.done:
            continue
        if upload.upload_id:
            part.url = deps.multipart.sign_part(row.key, upload.upload_id, part, expires_s)
        else:
            part.url = deps.storage.links.sign_put(
                row.key, expires_s, row.asset.size_bytes, row.declared_sha256
            )


async def begin_again(deps: Deps, row: AssetRow, upload: UploadRow) -> UploadRow:
    """Another multipart upload in the place of one that is of no use; its parts come anew.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN.
    """
    new_id = await deps.multipart.begin(row.key)
    async with deps.database.transaction() as tx:
        kept = await uploads.replace(tx, row.asset.id, upload.upload_id, new_id)
    if kept.upload_id != new_id:  # a twin of this call was faster
        await deps.multipart.abort(row.key, new_id)
    return kept


async def need_parts(
    deps: Deps, row: AssetRow, upload: UploadRow, told: Sequence[CompletedPart]
) -> None:
    """Reads the joined parts whose checksum was given; memory stays flat.

    S3 lets nobody read a part before it is joined. So where one is wrong the file is thrown away
    and another upload is begun for the same asset.

    Raises:
        BeatStitchError: UPLOAD_MISMATCH, DEPENDENCY_DOWN.
    """
    given = {part.part_number: part.sha256 for part in told if part.sha256}
    for part in parts_of(deps, row, upload):
        if part.part_number not in given:
            continue
        found = await _sha256(deps, row.key, part)
        if found == given[part.part_number]:
            continue
        if upload.upload_id:
            await begin_again(deps, row, upload)
        await deps.storage.delete([row.key])
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
            f"the bytes of part {part.part_number} are not those of its checksum; "
            "GetUpload says where to PUT all parts anew",
            metadata={
                "part_number": str(part.part_number),
                "declared": given[part.part_number],
                "received": found,
            },
        )


async def _sha256(deps: Deps, key: str, part: UploadPart) -> str:
    digest, left = hashlib.sha256(), part.size_bytes
    async for chunk in deps.storage.stream(key, part.offset_bytes, length=part.size_bytes):
        digest.update(chunk[:left])
        left -= len(chunk)
    return digest.hexdigest()
