"""RenderService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from beatstitch.internal.v1 import renderer_engine_service_pb2 as engine
from beatstitch.v1.job_pb2 import JobLane
from beatstitch.v1.render_pb2 import ChunkReport
from beatstitch.v1.render_service_pb2 import (
    CreateOutputDownloadLinkRequest,
    CreateOutputDownloadLinkResponse,
    CreateRenderRequest,
    CreateRenderResponse,
    CreateRendersRequest,
    CreateRendersResponse,
    DownloadOutputRequest,
    DownloadOutputResponse,
    GetRenderPictureRequest,
    GetRenderPictureResponse,
    GetRenderRequest,
    GetRenderResponse,
    ListRenderProfilesRequest,
    ListRenderProfilesResponse,
    ListRendersRequest,
    ListRendersResponse,
    PlanRenderRequest,
    PlanRenderResponse,
    RenderFrameRequest,
    RenderFrameResponse,
    RestoreOutputRequest,
    RestoreOutputResponse,
)
from beatstitch.v1.render_service_pb2_grpc import RenderServiceServicer
from beatstitch_core.keys import tenant_prefix
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway import paging, specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import jobs, projects, renders, timelines
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.quotas.minutes import charged_ms
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.renders import pictures
from beatstitch_gateway.renders.output import link_output, stream_output, with_end
from beatstitch_gateway.renders.restore import restore_output
from beatstitch_gateway.renders.shape import shaped
from beatstitch_gateway.renders.submit import submit_render
from beatstitch_gateway.retention import policy as policies
from beatstitch_gateway.revisions.keep import need_hash
from beatstitch_gateway.specs import Shaped
from beatstitch_gateway.validation import Check

_LIST = "renders"
_MOST_PROFILES = 20


class RenderRpc(RenderServiceServicer):
    """Making videos."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateRender(
        self, request: CreateRenderRequest, context: Context
    ) -> CreateRenderResponse:
        """Renders a project's timeline."""
        check = Check()
        check.request_id(request.request_id)
        check.edl_hash(request.edl_hash)
        check.profile(request.profile)
        check.that(request.lane in JobLane.values(), "lane", "is not known")
        check.done()
        tenant = current_tenant()
        edls = await self._shaped(request.project_id, request.edl_hash, [request.profile])

        async def work(tx: Transaction) -> CreateRenderResponse:
            await self._deps.quotas.need(tx, tenant, _want(edls))
            timeline = await _newest(tx, tenant, request.project_id, request.edl_hash)
            return await _submit(tx, tenant, timeline, request.profile, edls, request.lane)

        call = Call(tenant, request)
        return await once(self._deps.database, call, CreateRenderResponse, work)

    async def CreateRenders(
        self, request: CreateRendersRequest, context: Context
    ) -> CreateRendersResponse:
        """Renders a project's timeline for several profiles, all or none."""
        check = Check()
        check.request_id(request.request_id)
        check.edl_hash(request.edl_hash)
        check.within(len(request.profiles), 1, _MOST_PROFILES, "profiles")
        check.that(request.lane in JobLane.values(), "lane", "is not known")
        for index, profile in enumerate(request.profiles):
            field = f"profiles[{index}]"
            check.that(bool(profile), field, "must be given")
            check.profile(profile, field)
            check.that(profile not in request.profiles[:index], field, "is named twice")
        check.done()
        tenant = current_tenant()
        edls = await self._shaped(request.project_id, request.edl_hash, request.profiles)

        async def work(tx: Transaction) -> CreateRendersResponse:
            await self._deps.quotas.need(tx, tenant, _want(edls))
            timeline = await _newest(tx, tenant, request.project_id, request.edl_hash)
            lane = request.lane
            made = [
                await _submit(tx, tenant, timeline, name, edls, lane) for name in request.profiles
            ]
            return CreateRendersResponse(renders=made)

        call = Call(tenant, request)
        return await once(self._deps.database, call, CreateRendersResponse, work)

    async def ListRenderProfiles(
        self, request: ListRenderProfilesRequest, context: Context
    ) -> ListRenderProfilesResponse:
        """The profiles that CreateRender knows."""
        return ListRenderProfilesResponse(profiles=render_profiles().values())

    async def GetRender(self, request: GetRenderRequest, context: Context) -> GetRenderResponse:
        """One render with its manifest and sync report."""
        async with self._deps.database.transaction() as tx:
            row = await renders.get(tx, current_tenant(), request.render_id)
            policy = await policies.of(tx, self._deps.settings, current_tenant())
        return GetRenderResponse(render=with_end(row, policy))

    async def ListRenders(
        self, request: ListRendersRequest, context: Context
    ) -> ListRendersResponse:
        """A project's renders, newest first, without manifest and report."""
        wanted = paging.Wanted(_LIST, request, str)
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            rows = await renders.page(tx, tenant, request.project_id, wanted.rows, wanted.after_id)
            policy = await policies.of(tx, self._deps.settings, tenant)
        page, token = wanted.cut(rows, lambda row: [row.render.id])
        found = [with_end(row, policy) for row in page]
        return ListRendersResponse(renders=found, next_page_token=token)

    async def PlanRender(self, request: PlanRenderRequest, context: Context) -> PlanRenderResponse:
        """What a render would do, without doing it; the renderer plans."""
        check = Check()
        check.edl_hash(request.edl_hash)
        check.profile(request.profile)
        check.done()
        tenant = current_tenant()
        edls = await self._shaped(request.project_id, request.edl_hash, [request.profile])
        edl = edls[request.profile].edl
        async with self._deps.database.transaction() as tx:
            song, media = await specs.edl_assets(tx, tenant, request.project_id, edl)
        question = engine.PlanRenderRequest(
            edl=edl,
            profile=render_profiles()[request.profile or FINAL],
            key_prefix=tenant_prefix(tenant),
            media=[specs.ready_media(row) for row in (song, *media)],
        )
        answer = await self._deps.engines.renderer(lambda stub: stub.PlanRender, question)
        return _plan_reply(answer)

    async def RenderFrame(
        self, request: RenderFrameRequest, context: Context
    ) -> RenderFrameResponse:
        """One frame of a timeline as a picture, without a render."""
        return await pictures.render_frame(self._deps, current_tenant(), request)

    async def GetRenderPicture(
        self, request: GetRenderPictureRequest, context: Context
    ) -> GetRenderPictureResponse:
        """A picture that stands for a finished render."""
        return await pictures.render_picture(self._deps, current_tenant(), request)

    async def DownloadOutput(
        self, request: DownloadOutputRequest, context: Context
    ) -> AsyncIterator[DownloadOutputResponse]:
        """The video's bytes, or some of them, 256 KiB at a time."""
        async for reply in stream_output(self._deps, current_tenant(), request):
            yield reply

    async def CreateOutputDownloadLink(
        self, request: CreateOutputDownloadLinkRequest, context: Context
    ) -> CreateOutputDownloadLinkResponse:
        """A signed link to the video."""
        return await link_output(self._deps, current_tenant(), request.render_id)

    async def RestoreOutput(
        self, request: RestoreOutputRequest, context: Context
    ) -> RestoreOutputResponse:
        """Makes an expired output again, as a new job."""
        return await restore_output(self._deps, current_tenant(), request)

    async def _shaped(
        self, project_id: str, edl_hash: str, profile_names: Iterable[str]
    ) -> dict[str, Shaped]:
        """The newest timeline's EDL in each profile's shape, by the profile's name."""
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            timeline = await _newest(tx, tenant, project_id, edl_hash)
        profiles = render_profiles()
        return {
            name: await shaped(self._deps, tenant, timeline, profiles[name or FINAL])
            for name in profile_names
        }


def _want(edls: Mapping[str, Shaped]) -> Want:
    """What these renders take of the tenant's quotas."""
    profiles = render_profiles()
    expected = [
        charged_ms(edl.edl.audio.duration_us, specs.render_type(profiles[name or FINAL]))
        for name, edl in edls.items()
    ]
    return Want(jobs=len(expected), rendered_ms=sum(expected))


async def _submit(  # noqa: PLR0917
    tx: Transaction,
    tenant: str,
    timeline: TimelineRow,
    profile: str,
    edls: Mapping[str, Shaped],
    lane: JobLane.ValueType,
) -> CreateRenderResponse:
    render = await submit_render(tx, tenant, timeline, profile, as_shaped=edls[profile], lane=lane)
    job = (await jobs.get(tx, tenant, render.job_id)).job
    return CreateRenderResponse(job=job, render=render)


async def _newest(tx: Transaction, tenant: str, project_id: str, edl_hash: str) -> TimelineRow:
    """The project's newest timeline, when the caller knows that it is.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, EDL_HASH_MISMATCH.
    """
    await projects.get(tx, tenant, project_id)
    timeline = await timelines.get(tx, tenant, project_id)
    need_hash(timeline.timeline, edl_hash)
    return timeline


def _plan_reply(answer: engine.PlanRenderResponse) -> PlanRenderResponse:
    existing = set(answer.existing_chunk_hashes)
    chunks = [
        ChunkReport(
            index=chunk.index,
            chunk_hash=chunk.chunk_hash,
            start_frame=chunk.start_frame,
            end_frame=chunk.end_frame,
            cached=chunk.chunk_hash in existing,
        )
        for chunk in answer.plan.chunks
    ]
    missing = {c.chunk_hash: c.end_frame - c.start_frame for c in chunks if not c.cached}
    return PlanRenderResponse(
        chunks=chunks,
        cached_chunks=sum(chunk.cached for chunk in chunks),
        frames_to_render=sum(missing.values()),
    )
