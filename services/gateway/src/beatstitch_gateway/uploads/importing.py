"""An object that lies in another bucket, taken in by a copy."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_service_pb2 import ImportAssetRequest, ImportAssetResponse
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import projects
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once, remembered, surely_undone
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.foreign import ForeignBuckets
from beatstitch_gateway.uploads.intake import admit, begin_ingest, new_asset
from beatstitch_gateway.uploads.rules import need_size
from beatstitch_gateway.uploads.sources import Address, need_allowed, parse_uri, sources_of
from beatstitch_gateway.validation import Check


class Importer:
    """Imports objects.

    Args:
        settings: What may be read, and with which credentials.

    Raises:
        ValueError: The setting import_sources can't be read.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._sources = sources_of(settings.import_sources)

    async def take(
        self, deps: Deps, tenant: str, request: ImportAssetRequest
    ) -> ImportAssetResponse:
        """Copies an object in and begins to look at it.

        Raises:
            BeatStitchError: FIELD_INVALID, PROJECT_NOT_FOUND, IMPORT_NOT_ALLOWED,
                IMPORT_NOT_FOUND, INPUT_TOO_LARGE, QUOTA_EXCEEDED, DEPENDENCY_DOWN.
        """
        address = parse_uri(request.uri)
        filename = request.filename or address.key.rpartition("/")[2]
        check = Check()
        check.request_id(request.request_id)
        check.filename(filename)
        check.media_type(request.media_type)
        check.sha256(request.sha256)
        check.done()
        call = Call(tenant, request)
        known = await remembered(deps.database, call, ImportAssetResponse)
        if known is not None:
            return known
        need_allowed(self._sources, address, tenant, own_bucket=self._settings.s3_bucket)
        async with deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            await deps.quotas.need(tx, tenant, Want(jobs=1, assets=1, stored_bytes=1))
        row = new_asset(
            tenant, request.project_id, filename, request.media_type, sha256=request.sha256
        )
        row.asset.size_bytes = await self._copy(deps, address, row)

        async def work(tx: Transaction) -> ImportAssetResponse:
            want = Want(jobs=1, assets=1, stored_bytes=row.asset.size_bytes)
            await deps.quotas.need(tx, tenant, want)
            await admit(tx, row, deps.limits)
            job = await begin_ingest(tx, row)
            return ImportAssetResponse(asset=row.asset, job=job)

        try:
            reply = await once(deps.database, call, ImportAssetResponse, work)
        except BeatStitchError as error:
            if surely_undone(error):
                await deps.storage.delete([row.key])
            raise
        if reply.asset.id != row.asset.id:  # a twin of this call was faster
            await deps.storage.delete([row.key])
        return reply

    async def _copy(self, deps: Deps, address: Address, row: AssetRow) -> int:
        """Copies the object to where the asset's bytes belong; its size, checked before."""
        foreign = ForeignBuckets(self._settings)
        try:
            found = await foreign.find(address)
            if found is None or not found.size_bytes:
                raise BeatStitchError(
                    failure_pb2.ERROR_REASON_IMPORT_NOT_FOUND,
                    "there is no object at this address, or it is empty",
                )
            need_size(deps.limits, row.asset.media_type, found.size_bytes)
            try:
                await foreign.copy(deps.storage, found, row.key)
            except BaseException:
                await deps.storage.delete([row.key])
                raise
        finally:
            await foreign.close()
        return found.size_bytes
