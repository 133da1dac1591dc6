"""Takes a stitch: what may be asked, and the job that stands for it. For Stitch and BatchStitch."""

from __future__ import annotations

from beatstitch.v1 import asset_pb2
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch.v1.job_pb2 import JobLane
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway.choice import choose_material
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.submit import expected_ms, submit_stitch
from beatstitch_gateway.quotas.need import QuotaGuard, Want
from beatstitch_gateway.renders.shape import in_shape
from beatstitch_gateway.specs import not_ready
from beatstitch_gateway.validation import Check


def check_stitch(check: Check, request: StitchRequest, limits: Limits) -> None:
    """Notes what is wrong with a request, as far as it can be said without looking."""
    check.request_id(request.request_id)
    check.profile(request.profile)
    check.timeline(request.settings, limits)
    if request.HasField("analysis"):
        check.analysis(request.analysis, "analysis")
    check.media_ids(request.media_asset_ids, limits)
    check.that(request.lane in JobLane.values(), "lane", "is not known")


async def accept_stitch(
    tx: Transaction,
    tenant: str,
    request: StitchRequest,
    quotas: QuotaGuard,
    *,
    batch_id: str = "",
) -> JobRow:
    """Stores a stitch; `advance_stitch` begins it.

    Args:
        tx: The transaction.
        tenant: Whose.
        request: The request, checked.
        quotas: Whether the tenant may have more.
        batch_id: The batch that it comes with; empty for none.

    Raises:
        BeatStitchError: As `choose_material`; ASSET_NOT_READY for one that is still being uploaded;
            QUOTA_EXCEEDED, QUEUE_FULL.
    """
    of = await choose_material(tx, tenant, request, ready=False)
    mark = of.watermark
    for row in (of.song, *of.media, *((mark,) if mark is not None else ())):
        _need_bytes(row)
    resolved = StitchRequest()
    resolved.CopyFrom(request)
    resolved.audio_asset_id = of.song.asset.id
    resolved.media_asset_ids[:] = [row.asset.id for row in of.media]
    profile = render_profiles()[request.profile or FINAL]
    resolved.settings.CopyFrom(in_shape(of.settings, profile))
    expected = await expected_ms(tx, tenant, resolved)
    await quotas.need(tx, tenant, Want(jobs=1, rendered_ms=expected))
    return await submit_stitch(tx, tenant, resolved, inputs=of.inputs, batch_id=batch_id)


def _need_bytes(row: AssetRow) -> None:
    """An upload that nobody completes would keep the stitch waiting for ever."""
    if row.asset.state == asset_pb2.ASSET_STATE_UPLOADING:
        raise not_ready(row)
