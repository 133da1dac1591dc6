"""An output that was removed, made again."""

from __future__ import annotations

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import asset_pb2, failure_pb2
from beatstitch.v1.render_service_pb2 import RestoreOutputRequest, RestoreOutputResponse
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, jobs, renders
from beatstitch_gateway.db.renders import RenderRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.validation import Check


async def restore_output(
    deps: Deps, tenant: str, request: RestoreOutputRequest
) -> RestoreOutputResponse:
    """Makes an output again that is gone: a new job with the spec of the render's own.

    A second call while that job is open answers with it; one for an output that is there with the
    job that made it.

    Raises:
        BeatStitchError: FIELD_INVALID, RENDER_NOT_FOUND, OUTPUT_NOT_AVAILABLE when it was never
            made, OBJECT_MISSING when an asset of it is gone, QUOTA_EXCEEDED, DEPENDENCY_DOWN.
    """
    check = Check()
    check.request_id(request.request_id)
    check.done()
    async with deps.database.transaction() as tx:
        seen = await renders.get(tx, tenant, request.render_id)
    # Lost without being expired counts too.
    there = seen.output is not None and await deps.storage.exists(seen.output.key)

    async def work(tx: Transaction) -> RestoreOutputResponse:
        row = await renders.get(tx, tenant, request.render_id, lock=True)
        made_by = await jobs.find(tx, row.render.job_id, tenant=tenant)
        if made_by is None or (made_by.finished and row.output is None):
            raise _never_made(row)
        if not made_by.finished or (there and not row.render.expired):
            return RestoreOutputResponse(render=row.render, job=made_by.job)
        spec = made_by.job_spec()
        await _need_assets(tx, tenant, row.render.project_id, spec)
        await deps.quotas.need(tx, tenant, Want(jobs=1))
        job = new_job(row.render.project_id, made_by.job.type)
        job.lane = made_by.job.lane
        render = await renders.make_again(tx, row.render, job.id)
        render.expired = row.render.expired
        await submit(tx, tenant, job, spec)
        return RestoreOutputResponse(render=render, job=job)

    call = Call(tenant, request)
    return await once(deps.database, call, RestoreOutputResponse, work)


async def _need_assets(tx: Transaction, tenant: str, project_id: str, spec: JobSpec) -> None:
    """Nothing, when all that the spec names is still an asset."""
    wanted = [spec.render.audio.asset_id, *(item.asset_id for item in spec.render.media)]
    found = await assets.get_many(tx, tenant, project_id, wanted)
    for asset_id in wanted:
        row = found.get(asset_id)
        if row is None or row.asset.state != asset_pb2.ASSET_STATE_READY:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_OBJECT_MISSING,
                "an asset of the video is gone: it can't be made again",
                metadata={"asset_id": asset_id},
            )


def _never_made(row: RenderRow) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OUTPUT_NOT_AVAILABLE,
        "the render never had an output; create another",
        metadata={"render_id": row.render.id, "job_id": row.render.job_id},
    )
