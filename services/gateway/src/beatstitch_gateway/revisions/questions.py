"""What revisions are asked: why a cut is there, what differs, the file of an editing program."""

from __future__ import annotations

from beatstitch.internal.v1 import timeline_engine_service_pb2 as engine
from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia, TimelineBuildSpec
from beatstitch.v1 import failure_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_service_pb2 import (
    DiffRevisionsRequest,
    DiffRevisionsResponse,
    ExplainCutRequest,
    ExplainCutResponse,
    ExportTimelineRequest,
    ExportTimelineResponse,
)
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway import specs
from beatstitch_gateway.db import assets, projects, timelines
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.revisions.grids import grid_of


async def diff(deps: Deps, tenant: str, request: DiffRevisionsRequest) -> DiffRevisionsResponse:
    """What differs between two revisions.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, DEPENDENCY_DOWN.
    """
    async with deps.database.transaction() as tx:
        await projects.get(tx, tenant, request.project_id)
        before, after = [
            await timelines.get(tx, tenant, request.project_id, revision=number)
            for number in (request.from_revision, request.to_revision)
        ]
    question = engine.DiffTimelinesRequest(
        before=before.parse_edl(),
        after=after.parse_edl(),
        settings_before=before.timeline.settings,
        settings_after=after.timeline.settings,
    )
    answer: engine.DiffTimelinesResponse = await deps.engines.timeline(
        lambda stub: stub.DiffTimelines, question
    )
    return answer.diff


async def explain(deps: Deps, tenant: str, request: ExplainCutRequest) -> ExplainCutResponse:
    """Why a segment begins where it does and shows what it does.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, FIELD_INVALID for a segment that
            isn't there, GRID_GONE, DEPENDENCY_DOWN.
    """
    async with deps.database.transaction() as tx:
        await projects.get(tx, tenant, request.project_id)
        row = await timelines.get(tx, tenant, request.project_id, revision=request.revision)
        edl = row.parse_edl()
        build = await timelines.get_build(tx, request.project_id, row.build_revision)
        if build is None:
            build = await _as_if_built(tx, tenant, edl)
        grid_ref = await grid_of(tx, tenant, row)
    question = engine.ExplainCutRequest(
        build=engine.BuildTimelineRequest(
            project_id=request.project_id,
            audio=build.audio,
            beat_grid=await deps.grids.get(grid_ref),
            media=build.media,
            settings=row.timeline.settings,
            overlay=row.overlay,
            watermark=build.watermark if build.HasField("watermark") else None,
        ),
        edl=edl,
        segment_index=request.segment_index,
    )
    answer: engine.ExplainCutResponse = await deps.engines.timeline(
        lambda stub: stub.ExplainCut, question
    )
    return answer.explanation


async def export(deps: Deps, tenant: str, request: ExportTimelineRequest) -> ExportTimelineResponse:
    """The file of an editing program. Assets that are gone are named by their ids in it.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, DEPENDENCY_DOWN.
    """
    async with deps.database.transaction() as tx:
        project = await projects.get(tx, tenant, request.project_id)
        row = await timelines.get(tx, tenant, request.project_id, revision=request.revision)
        edl = row.parse_edl()
        named = [edl.audio.asset_id, *specs.named_media(edl)]
        found = await assets.get_many(tx, tenant, request.project_id, named)
        grid_ref = await grid_of(tx, tenant, row)
    question = engine.ExportTimelineRequest(
        edl=edl,
        media=[specs.ready_media(found[asset_id]) for asset_id in named if asset_id in found],
        format=request.format,
        media_base_url=request.media_base_url,
        title=project.display_name,
    )
    warnings = []
    try:
        question.beat_grid.CopyFrom(await deps.grids.get(grid_ref))
    except BeatStitchError as error:
        if error.reason != failure_pb2.ERROR_REASON_GRID_GONE:
            raise
        warnings.append("the beat grid is gone: there are no markers")
    answer: engine.ExportTimelineResponse = await deps.engines.timeline(
        lambda stub: stub.ExportTimeline, question
    )
    answer.file.warnings.extend(warnings)
    return answer.file


async def _as_if_built(tx: Transaction, tenant: str, edl: Edl) -> TimelineBuildSpec:
    """Of an EDL that was not built here: from what it shows, as far as that is still there."""
    shown = specs.named_media(edl)
    found = await assets.get_many(tx, tenant, edl.project_id, [edl.audio.asset_id, *shown])
    song = found.get(edl.audio.asset_id)
    return TimelineBuildSpec(
        audio=specs.ready_media(song) if song is not None else ReadyMedia(),
        media=[
            specs.ready_media(found[asset_id], with_traits=True)
            for asset_id in shown
            if asset_id in found
        ],
    )
