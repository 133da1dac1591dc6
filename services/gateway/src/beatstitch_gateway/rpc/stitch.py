"""StitchService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1.stitch_service_pb2 import (
    BatchStitchRequest,
    BatchStitchResponse,
    StitchRequest,
    StitchResponse,
)
from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceServicer
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.stitch.accept import accept_stitch, check_stitch
from beatstitch_gateway.stitch.batch import accept_batch
from beatstitch_gateway.stitch.drive import advance_stitch
from beatstitch_gateway.validation import Check


class StitchRpc(StitchServiceServicer):
    """Song + media + settings → video, in one call."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def Stitch(self, request: StitchRequest, context: Context) -> StitchResponse:
        """One job that waits for the ingest, analyses, builds and renders."""
        check = Check()
        check_stitch(check, request, self._deps.limits)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> StitchResponse:
            stitch = await accept_stitch(tx, tenant, request, self._deps.quotas)
            await advance_stitch(tx, stitch.job.id)
            return StitchResponse(job=(await jobs.get(tx, tenant, stitch.job.id)).job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, StitchResponse, work)

    async def BatchStitch(
        self, request: BatchStitchRequest, context: Context
    ) -> BatchStitchResponse:
        """Many of them; a bad one doesn't spoil the others."""
        deps = self._deps
        return await accept_batch(
            deps.database, deps.limits, deps.quotas, current_tenant(), request
        )
