"""An asset's way in: declared, its bytes there, looked at."""

from __future__ import annotations

from beatstitch.v1 import asset_pb2
from beatstitch.v1.asset_pb2 import Asset, AssetState
from beatstitch.v1.common_pb2 import MediaType
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch.v1.job_pb2 import Job
from beatstitch_core.ids import new_id
from beatstitch_gateway import specs
from beatstitch_gateway.db import assets, projects, uploads
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.uploads.rules import need_place
from beatstitch_gateway.validation import clean_filename


def new_asset(
    tenant: str,
    project_id: str,
    filename: str,
    media_type: MediaType.ValueType,
    *,
    size_bytes: int = 0,
    sha256: str = "",
) -> AssetRow:
    """A new asset, UPLOADING, not stored."""
    asset = Asset(
        id=new_id(),
        project_id=project_id,
        media_type=media_type,
        filename=clean_filename(filename),
        state=asset_pb2.ASSET_STATE_UPLOADING,
        size_bytes=size_bytes,
    )
    asset.create_time.GetCurrentTime()
    asset.update_time.CopyFrom(asset.create_time)
    return AssetRow(tenant=tenant, asset=asset, declared_sha256=sha256)


async def admit(tx: Transaction, row: AssetRow, limits: Limits) -> None:
    """Stores a new asset behind the project's others.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, QUOTA_EXCEEDED.
    """
    # Counted and placed under the project's lock, so two uploads never get one place.
    await projects.get(tx, row.tenant, row.asset.project_id, lock=True)
    if not row.is_audio:
        count, place = await assets.count_media(tx, row.asset.project_id)
        need_place(limits, count)
        row.asset.position = place
    await assets.insert(tx, row)


async def begin_ingest(tx: Transaction, row: AssetRow) -> Job:
    """The bytes are there: PROCESSING, and a job that looks at them."""
    state: AssetState.ValueType = asset_pb2.ASSET_STATE_PROCESSING
    row.asset.state = state
    job = new_job(row.asset.project_id, specs.ingest_type(row), asset_id=row.asset.id)
    row.asset.ingest_job_id = job.id
    await uploads.delete(tx, row.asset.id)
    await assets.update(tx, row)
    await submit(tx, row.tenant, job, specs.ingest_spec(row))
    return job
