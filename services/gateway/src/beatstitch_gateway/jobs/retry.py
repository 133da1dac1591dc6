"""Trying a job again: a new job from the same specification."""

from __future__ import annotations

from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.job_pb2 import Job, JobState
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import assets, jobs, ledger, renders
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.submit import expected_ms, new_job, submit, submit_stitch
from beatstitch_gateway.quotas.minutes import RENDERS, charged_ms
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.stitch.drive import advance_stitch

_ENDED_BADLY = (job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED)


async def retry_job(tx: Transaction, row: JobRow) -> Job:
    """Stores a new job that does what an old one didn't.

    A failed asset is PROCESSING again, a render gets an id of its own. What the old job was a part
    of has ended, so the new one stands alone.

    Raises:
        BeatStitchError: JOB_STATE_INVALID; ASSET_NOT_FOUND when the asset is gone.
    """
    old = row.job
    if old.state not in _ENDED_BADLY:
        state = JobState.Name(old.state).removeprefix("JOB_STATE_")
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_JOB_STATE_INVALID,
            f"only FAILED and CANCELLED jobs can be tried again; this one is {state}",
            metadata={"job_id": old.id, "state": state},
        )
    if row.is_stitch:
        request = StitchRequest.FromString(row.spec)
        stitch = await submit_stitch(
            tx,
            row.tenant,
            request,
            inputs=row.inputs,
            retry_of=old.id,
            batch_id=old.batch_id,
        )
        await advance_stitch(tx, stitch.job.id)
        return (await jobs.get(tx, row.tenant, stitch.job.id)).job
    job = new_job(old.project_id, old.type, asset_id=old.asset_id)
    job.retry_of = old.id
    spec = row.job_spec()
    if old.asset_id:
        asset = await _reopen_asset(tx, row.tenant, job)
        if spec.HasField("beat_analysis"):
            spec.beat_analysis.overlay.CopyFrom(asset.overlay)
    if spec.HasField("render"):
        spec.render.render_id = await _copy_render(tx, row.tenant, spec.render.render_id, job)
        expected = charged_ms(spec.render.audio.info.duration_us, job.type)
        await ledger.reserve(tx, row.tenant, job.id, expected)
    return (await submit(tx, row.tenant, job, spec, inputs=row.inputs)).job


async def want_of(tx: Transaction, row: JobRow) -> Want:
    """What trying a job again takes of its tenant's quotas."""
    if row.is_stitch:
        request = StitchRequest.FromString(row.spec)
        return Want(jobs=1, rendered_ms=await expected_ms(tx, row.tenant, request))
    if row.job.type in RENDERS:
        audio = row.job_spec().render.audio
        return Want(jobs=1, rendered_ms=charged_ms(audio.info.duration_us, row.job.type))
    return Want(jobs=1)


async def _reopen_asset(tx: Transaction, tenant: str, job: Job) -> AssetRow:
    asset = await assets.get(tx, tenant, job.asset_id, lock=True)
    if asset.asset.state != asset_pb2.ASSET_STATE_FAILED:
        return asset  # a second analysis of a READY song, or another retry is under way
    asset.asset.state = asset_pb2.ASSET_STATE_PROCESSING
    asset.asset.ingest_job_id = job.id
    asset.asset.ClearField("failure")
    await assets.update(tx, asset)
    return asset


async def _copy_render(tx: Transaction, tenant: str, render_id: str, job: Job) -> str:
    row = await renders.get(tx, tenant, render_id)
    render = row.render
    if row.output is not None:  # its output was being made again
        await renders.make_again(tx, render, job.id)
        return render.id
    render.id = new_id()
    render.job_id = job.id
    render.create_time.CopyFrom(job.create_time)
    await renders.insert(tx, tenant, render)
    return render.id
