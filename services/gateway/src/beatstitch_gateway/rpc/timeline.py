"""TimelineService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.internal.v1 import timeline_engine_service_pb2 as engine
from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import job_pb2
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch.v1.timeline_service_pb2 import (
    ApplyEditsRequest,
    ApplyEditsResponse,
    DiffRevisionsRequest,
    DiffRevisionsResponse,
    ExplainCutRequest,
    ExplainCutResponse,
    ExportFormat,
    ExportTimelineRequest,
    ExportTimelineResponse,
    GenerateTimelineRequest,
    GenerateTimelineResponse,
    GetTimelineRequest,
    GetTimelineResponse,
    ListRevisionsRequest,
    ListRevisionsResponse,
    PutTimelineRequest,
    PutTimelineResponse,
    RedoTimelineRequest,
    RedoTimelineResponse,
    RestoreRevisionRequest,
    RestoreRevisionResponse,
    UndoTimelineRequest,
    UndoTimelineResponse,
    ValidateTimelineRequest,
    ValidateTimelineResponse,
)
from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceServicer
from beatstitch_gateway import paging, specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.choice import choose_material, media_of_edits
from beatstitch_gateway.db import assets, projects, timelines
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.revisions import back, change, questions
from beatstitch_gateway.revisions.inputs import given_inputs
from beatstitch_gateway.revisions.now import project_now
from beatstitch_gateway.revisions.stale import stale_reasons
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
            await self._deps.quotas.need(tx, tenant, Want(jobs=1))
            of = await choose_material(tx, tenant, request, ready=True)
            newest = await timelines.find(tx, tenant, project_id)
            keep = newest is not None and not request.discard_edits
            overlay = newest.overlay if newest is not None and keep else None
            shown = await media_of_edits(tx, tenant, project_id, overlay)
            spec = specs.timeline_spec(
                of.song, of.media, of.settings, overlay, edit_media=shown, watermark=of.watermark
            )
            job = new_job(project_id, job_pb2.JOB_TYPE_TIMELINE_BUILD)
            await submit(tx, tenant, job, spec, inputs=of.inputs)
            return GenerateTimelineResponse(job=job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, GenerateTimelineResponse, work)

    async def GetTimeline(
        self, request: GetTimelineRequest, context: Context
    ) -> GetTimelineResponse:
        """A revision of a project's timeline, and what has changed since it was built."""
        check = Check()
        check.revision(request.revision)
        check.done()
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            row = await timelines.get(tx, tenant, request.project_id, revision=request.revision)
            template_id = row.timeline.inputs.template_id
            now = await project_now(tx, tenant, request.project_id, template_id)
        timeline = row.full()
        inputs = timeline.inputs if timeline.HasField("inputs") else given_inputs(timeline.edl)
        shown = specs.named_media(timeline.edl)
        return GetTimelineResponse(
            timeline=timeline,
            stale=stale_reasons(inputs, shown, now),
            overlay=row.overlay,
            dropped_edits=row.edits.dropped_edits,
        )

    async def ListRevisions(
        self, request: ListRevisionsRequest, context: Context
    ) -> ListRevisionsResponse:
        """A project's revisions, newest first, without their EDLs."""
        wanted = paging.Wanted(_LIST, request, int)
        before = int(wanted.after[0]) if wanted.after else None
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            rows = await timelines.page(tx, tenant, request.project_id, wanted.rows, before)
        page, token = wanted.cut(rows, lambda row: [row.revision])
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
        return ValidateTimelineResponse(
            violations=answer.violations, edl_hash=answer.edl_hash, warnings=answer.warnings
        )

    async def ApplyEdits(self, request: ApplyEditsRequest, context: Context) -> ApplyEditsResponse:
        """Applies edits to the newest revision, all or none."""
        check = Check()
        check.request_id(request.request_id)
        check.edl_hash(request.edl_hash)
        check.timeline_edits(request.edits)
        check.done()
        reply, edl = await change.apply_edits(self._deps, current_tenant(), request)
        if not request.omit_edl:
            await self._with_edl(reply.timeline, edl)
        return reply

    async def PutTimeline(
        self, request: PutTimelineRequest, context: Context
    ) -> PutTimelineResponse:
        """Makes a client's own EDL the newest revision."""
        check = Check()
        check.request_id(request.request_id)
        check.sha256(request.edl_hash, "edl_hash")
        if check.that(request.HasField("edl"), "edl", "is required"):
            same = request.edl.project_id == request.project_id
            check.that(same, "edl.project_id", "has to be project_id")
        check.done()
        reply, edl = await change.put_timeline(self._deps, current_tenant(), request)
        await self._with_edl(reply.timeline, edl)
        return reply

    async def UndoTimeline(
        self, request: UndoTimelineRequest, context: Context
    ) -> UndoTimelineResponse:
        """Takes the last change back, as a new revision."""
        _check_back(request)
        reply = await back.undo(self._deps, current_tenant(), request)
        await self._with_edl(reply.timeline)
        return reply

    async def RedoTimeline(
        self, request: RedoTimelineRequest, context: Context
    ) -> RedoTimelineResponse:
        """Takes the last undo back, as a new revision."""
        _check_back(request)
        reply = await back.redo(self._deps, current_tenant(), request)
        await self._with_edl(reply.timeline)
        return reply

    async def RestoreRevision(
        self, request: RestoreRevisionRequest, context: Context
    ) -> RestoreRevisionResponse:
        """Makes an old revision the newest, as a new revision."""
        _check_back(request)
        reply = await back.restore(self._deps, current_tenant(), request)
        await self._with_edl(reply.timeline)
        return reply

    async def DiffRevisions(
        self, request: DiffRevisionsRequest, context: Context
    ) -> DiffRevisionsResponse:
        """What differs between two revisions; the timeline service compares."""
        check = Check()
        check.that(request.from_revision > 0, "from_revision", "is required: 1 or more")
        check.revision(request.to_revision, "to_revision")
        check.done()
        return await questions.diff(self._deps, current_tenant(), request)

    async def ExplainCut(self, request: ExplainCutRequest, context: Context) -> ExplainCutResponse:
        """Why a segment begins where it does and shows what it does."""
        check = Check()
        check.revision(request.revision)
        check.that(request.segment_index >= 0, "segment_index", "can't be negative")
        check.done()
        return await questions.explain(self._deps, current_tenant(), request)

    async def ExportTimeline(
        self, request: ExportTimelineRequest, context: Context
    ) -> ExportTimelineResponse:
        """The timeline in the format of an editing program."""
        check = Check()
        check.revision(request.revision)
        known = request.format and request.format in ExportFormat.values()
        check.that(bool(known), "format", "is required: one of ExportFormat")
        check.done()
        return await questions.export(self._deps, current_tenant(), request)

    async def _with_edl(self, timeline: Timeline, edl: bytes = b"") -> None:
        """Fills in the EDL. Replies are kept for their request_id without it."""
        if not edl:
            async with self._deps.database.transaction() as tx:
                row = await timelines.get(
                    tx, current_tenant(), timeline.project_id, timeline_id=timeline.id
                )
            edl = row.edl
        timeline.edl.MergeFromString(edl)

    async def _media(self, project_id: str) -> list[ReadyMedia]:
        """What an EDL of the project may name; nothing to look at for an EDL without project."""
        if not project_id:
            return []
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, project_id)
            rows = await assets.all_ready(tx, tenant, project_id)
        return [specs.ready_media(row, with_traits=True) for row in rows]


def _check_back(
    request: UndoTimelineRequest | RedoTimelineRequest | RestoreRevisionRequest,
) -> None:
    check = Check()
    check.request_id(request.request_id)
    check.edl_hash(request.edl_hash)
    if isinstance(request, RestoreRevisionRequest):
        check.that(request.revision > 0, "revision", "is required: 1 or more")
    check.done()
