"""Stores a render and its job."""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobLane
from beatstitch.v1.render_pb2 import Render
from beatstitch_core.ids import new_id
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway import specs
from beatstitch_gateway.db import ledger, renders
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.quotas.minutes import charged_ms
from beatstitch_gateway.specs import Shaped


async def submit_render(
    tx: Transaction,
    tenant: str,
    timeline: TimelineRow,
    profile_name: str,
    *,
    as_shaped: Shaped | None = None,
    parent_id: str = "",
    batch_id: str = "",
    lane: JobLane.ValueType = job_pb2.JOB_LANE_UNSPECIFIED,
) -> Render:
    """Stores a render of a timeline's revision and its job.

    Args:
        tx: The transaction.
        tenant: Whose.
        timeline: The revision.
        profile_name: A known profile; empty for the final one.
        as_shaped: The EDL in the profile's shape; the timeline's own when None.
        parent_id: The stitch that it is a stage of.
        batch_id: The batch that the stitch came with.
        lane: Which queue to wait in; by default the one of its type.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, ASSET_NOT_READY.
    """
    profile = render_profiles()[profile_name or FINAL]
    edl = as_shaped or Shaped(timeline.parse_edl(), timeline.edl_object)
    render = Render(
        id=new_id(),
        project_id=timeline.timeline.project_id,
        timeline_id=timeline.timeline.id,
        edl_hash=timeline.timeline.edl_hash,
        rendered_edl_hash=edl.object.sha256,
        profile=profile.name,
    )
    render.create_time.GetCurrentTime()
    spec = await specs.render_spec(tx, tenant, edl, profile, render)
    job = new_job(render.project_id, specs.render_type(profile))
    job.parent_job_id = parent_id
    job.batch_id = batch_id
    job.lane = lane or job.lane
    render.job_id = job.id
    await renders.insert(tx, tenant, render)
    if not parent_id:
        expected = charged_ms(edl.edl.audio.duration_us, job.type)
        await ledger.reserve(tx, tenant, job.id, expected)
    await submit(tx, tenant, job, spec)
    return render
