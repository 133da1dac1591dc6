"""What the end of a job means for the asset that it looked at."""

from __future__ import annotations

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.failure_pb2 import Failure
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction

_LOOKS = (job_pb2.JOB_TYPE_BEAT_ANALYSIS, job_pb2.JOB_TYPE_THUMBNAIL_GEN)


async def note_success(tx: Transaction, row: JobRow, succeeded: JobSucceeded) -> None:
    """Keeps what an analysis or an ingest found: the asset is READY."""
    if row.job.type not in _LOOKS:
        return
    asset = await assets.find(tx, row.tenant, row.job.asset_id, lock=True)
    if asset is None:  # deleted meanwhile
        return
    if succeeded.HasField("beat_analysis"):
        _take_analysis(asset, succeeded, row.job_spec().beat_analysis.overlay)
    else:
        _take_ingest(asset, succeeded)
    asset.asset.state = asset_pb2.ASSET_STATE_READY
    asset.asset.ClearField("failure")
    await assets.update(tx, asset)


async def note_end(tx: Transaction, row: JobRow) -> None:
    """A look at an asset ended without a result: an asset that waited for it has FAILED.

    A second analysis of a READY song changes nothing when it fails.
    """
    if row.job.type not in _LOOKS:
        return
    asset = await assets.find(tx, row.tenant, row.job.asset_id, lock=True)
    if asset is None or asset.asset.ingest_job_id != row.job.id:
        return
    if asset.asset.state != asset_pb2.ASSET_STATE_PROCESSING:
        return
    asset.asset.state = asset_pb2.ASSET_STATE_FAILED
    asset.asset.failure.CopyFrom(
        row.job.failure if row.job.HasField("failure") else _cancelled(row)
    )
    await assets.update(tx, asset)


def _take_analysis(asset: AssetRow, succeeded: JobSucceeded, applied: BeatGridOverlay) -> None:
    output = succeeded.beat_analysis
    asset.asset.sha256 = output.audio.sha256
    asset.asset.info.CopyFrom(output.info)
    asset.heard_grid = output.beat_grid
    asset.activations = output.activations if output.activations.key else None
    asset.waveform = output.waveform
    if asset.beat_grid is None or asset.overlay == applied:
        edited = output.HasField("edited_beat_grid")
        asset.beat_grid = output.edited_beat_grid if edited else output.beat_grid
    # Else somebody corrected the grid while this analysis ran: a person's grid stays, and the next
    # correction is applied to what was heard now.
    asset.analysis = output.result
    asset.analysis.asset_id = asset.asset.id


def _take_ingest(asset: AssetRow, succeeded: JobSucceeded) -> None:
    output = succeeded.media_ingest
    asset.asset.sha256 = output.media.sha256
    asset.asset.info.CopyFrom(output.info)
    # The content decides between picture and clip; the place among the media stays.
    if output.info.media_type:
        asset.asset.media_type = output.info.media_type
    if output.thumbnail.key:
        asset.thumbnail = output.thumbnail
        asset.asset.has_thumbnail = True
    if output.HasField("traits"):
        asset.asset.traits.CopyFrom(output.traits)
    if output.filmstrip.key:
        asset.filmstrip = output.filmstrip
        asset.filmstrip_frames = output.filmstrip_frames
        asset.asset.has_filmstrip = True
    asset.proxy = output.proxy if output.proxy.key else None


def _cancelled(row: JobRow) -> Failure:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_ASSET_NOT_READY,
        "the look at this asset was cancelled; RetryJob begins it again",
        metadata={"asset_id": row.job.asset_id, "job_id": row.job.id},
    ).to_failure()
