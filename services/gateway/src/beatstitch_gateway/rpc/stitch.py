"""StitchService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import grpc

from beatstitch.v1 import asset_pb2
from beatstitch.v1.stitch_service_pb2 import (
    BatchStitchRequest,
    BatchStitchResponse,
    StitchRequest,
    StitchResponse,
)
from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceServicer
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.choice import choose_material
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import submit_stitch
from beatstitch_gateway.renders.shape import in_shape
from beatstitch_gateway.specs import not_ready
from beatstitch_gateway.stitch.drive import advance_stitch
from beatstitch_gateway.validation import Check


class StitchRpc(StitchServiceServicer):
    """Song + media + settings → video, in one call."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def Stitch(self, request: StitchRequest, context: Context) -> StitchResponse:
        """One job that waits for the ingest, analyses, builds and renders."""
        check = Check()
        check.request_id(request.request_id)
        check.profile(request.profile)
        check.timeline(request.settings, self._deps.limits)
        if request.HasField("analysis"):
            check.analysis(request.analysis, "analysis")
        check.media_ids(request.media_asset_ids, self._deps.limits)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> StitchResponse:
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
            stitch = await submit_stitch(tx, tenant, resolved, inputs=of.inputs)
            await advance_stitch(tx, stitch.job.id)
            return StitchResponse(job=(await jobs.get(tx, tenant, stitch.job.id)).job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, StitchResponse, work)

    async def BatchStitch(
        self, request: BatchStitchRequest, context: Context
    ) -> BatchStitchResponse:
        """Not answered yet."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "BatchStitch is not answered yet")
        return BatchStitchResponse()


def _need_bytes(row: AssetRow) -> None:
    """An upload that nobody completes would keep the stitch waiting for ever."""
    if row.asset.state == asset_pb2.ASSET_STATE_UPLOADING:
        raise not_ready(row)
