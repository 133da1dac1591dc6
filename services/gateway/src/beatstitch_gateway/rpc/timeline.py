"""TimelineService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.internal.v1 import timeline_engine_service_pb2 as engine
from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import job_pb2
from beatstitch.v1.timeline_service_pb2 import (
    GenerateTimelineRequest,
    GenerateTimelineResponse,
    GetTimelineRequest,
    GetTimelineResponse,
    ListRevisionsRequest,
    ListRevisionsResponse,
    ValidateTimelineRequest,
    ValidateTimelineResponse,
)
from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceServicer
from beatstitch_gateway import paging, specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.choice import choose_media, choose_song
from beatstitch_gateway.db import assets, projects, timelines
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.validation import Check

_LIST = "revisions"


class TimelineRpc(TimelineServiceServicer):
    """Building timelines."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GenerateTimeline(
        self, request: GenerateTimelineRequest, context: Context
    ) -> GenerateTimelineResponse:
        """Builds a timeline from the project's song and media."""
        check = Check()
        check.request_id(request.request_id)
        check.timeline(request.settings, self._deps.limits)
        check.media_ids(request.media_asset_ids, self._deps.limits)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> GenerateTimelineResponse:
            project_id = request.project_id
            await projects.get(tx, tenant, project_id)
            song = await choose_song(tx, tenant, project_id, request.audio_asset_id, ready=True)
            media = await choose_media(tx, tenant, project_id, request.media_asset_ids, ready=True)
            spec = specs.timeline_spec(song, media, request.settings)
            job = new_job(project_id, job_pb2.JOB_TYPE_TIMELINE_BUILD)
            await submit(tx, tenant, job, spec)
            return GenerateTimelineResponse(job=job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, GenerateTimelineResponse, work)

    async def GetTimeline(
        self, request: GetTimelineRequest, context: Context
    ) -> GetTimelineResponse:
        """A revision of a project's timeline."""
        check = Check()
        check.that(request.revision >= 0, "revision", "can't be negative")
        check.done()
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            row = await timelines.get(tx, tenant, request.project_id, revision=request.revision)
        return GetTimelineResponse(timeline=row.full())

    async def ListRevisions(
        self, request: ListRevisionsRequest, context: Context
    ) -> ListRevisionsResponse:
        """A project's revisions, newest first, without their EDLs."""
        size = paging.page_size(request.page_size)
        key = paging.decode(_LIST, request.page_token, [int])
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            rows = await timelines.page(
                tx, tenant, request.project_id, size + 1, int(key[0]) if key else None
            )
        page, token = paging.cut(rows, size, lambda row: paging.encode(_LIST, [row.revision]))
        return ListRevisionsResponse(timelines=page, next_page_token=token)

    async def ValidateTimeline(
        self, request: ValidateTimelineRequest, context: Context
    ) -> ValidateTimelineResponse:
        """Looks whether an EDL keeps all invariants; the timeline service does."""
        check = Check()
        check.that(request.HasField("edl"), "edl", "is required")
        check.done()
        question = engine.ValidateTimelineRequest(
            edl=request.edl, media=await self._media(request.edl.project_id)
        )
        answer = await self._deps.engines.timeline(lambda stub: stub.ValidateTimeline, question)
        return ValidateTimelineResponse(violations=answer.violations, edl_hash=answer.edl_hash)

    async def _media(self, project_id: str) -> list[ReadyMedia]:
        """What an EDL of the project may name; nothing to look at for an EDL without project."""
        if not project_id:
            return []
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, project_id)
            rows = await assets.all_ready(tx, tenant, project_id)
        return [specs.ready_media(row, with_traits=True) for row in rows]
