"""Pictures of renders: those that stand for a finished one, and one frame without a render."""

from __future__ import annotations

from beatstitch.internal.v1 import renderer_engine_service_pb2 as engine
from beatstitch.v1 import failure_pb2, render_service_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl, Segment
from beatstitch.v1.render_service_pb2 import (
    GetRenderPictureRequest,
    GetRenderPictureResponse,
    PictureFormat,
    RenderFrameRequest,
    RenderFrameResponse,
    RenderPicture,
)
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway import specs
from beatstitch_gateway.db import projects, renders, timelines
from beatstitch_gateway.db.renders import RenderRow
from beatstitch_gateway.deps import Deps

DEFAULT_HEIGHT = 360
# A long clip without a proxy may have to be fetched first.
_TIMEOUT_S = 60.0
_JPEG = "image/jpeg"


async def render_frame(deps: Deps, tenant: str, request: RenderFrameRequest) -> RenderFrameResponse:
    """One frame of a timeline.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, FIELD_INVALID, ASSET_NOT_FOUND,
            ASSET_NOT_READY, INPUT_CORRUPT, DEPENDENCY_DOWN.
    """
    if request.format not in PictureFormat.values():
        raise field_error("format", "is not a known format")
    if request.max_height < 0:
        raise field_error("max_height", f"must be 0 or more, not {request.max_height}")
    async with deps.database.transaction() as tx:
        await projects.get(tx, tenant, request.project_id)
        row = await timelines.get(tx, tenant, request.project_id, revision=request.revision)
        edl = row.parse_edl()
        around = around_frame(edl, request.frame)
        _song, media = await specs.edl_assets(tx, tenant, request.project_id, around)
    question = engine.RenderFrameRequest(
        edl=around,
        frame=request.frame,
        max_height=request.max_height or DEFAULT_HEIGHT,
        format=request.format,
        media=[specs.ready_media(item) for item in media],
    )
    answer: engine.RenderFrameResponse = await deps.engines.renderer(
        lambda stub: stub.RenderFrame, question, _TIMEOUT_S
    )
    return RenderFrameResponse(
        content=answer.content,
        content_type=answer.content_type,
        edl_hash=row.timeline.edl_hash,
        segment_index=segment_at(around, request.frame).index,
    )


def around_frame(edl: Edl, frame: int) -> Edl:
    """What a frame can show of an EDL: its segment, those beside it, the overlays over it.

    An EDL of hours comes down to a message of a few hundred bytes. Pure.

    Raises:
        BeatStitchError: FIELD_INVALID for a frame that the video doesn't have.
    """
    count = edl.segments[-1].timeline_out_frame if edl.segments else 0
    if not 0 <= frame < count:
        raise field_error("frame", f"must be 0 to {count - 1}, not {frame}")
    place = segment_at(edl, frame).index
    return Edl(
        version=edl.version,
        project_id=edl.project_id,
        output=edl.output,
        audio=edl.audio,
        segments=edl.segments[max(0, place - 1) : place + 2],
        overlays=[item for item in edl.overlays if item.in_frame <= frame < item.out_frame],
    )


def segment_at(edl: Edl, frame: int) -> Segment:
    """The segment that a frame is in, by the cuts."""
    return next(item for item in edl.segments if frame < item.timeline_out_frame)


async def render_picture(
    deps: Deps, tenant: str, request: GetRenderPictureRequest
) -> GetRenderPictureResponse:
    """A picture that stands for a finished render.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND, FIELD_INVALID, OUTPUT_NOT_AVAILABLE.
    """
    if request.picture not in RenderPicture.values():
        raise field_error("picture", "is not a known picture")
    async with deps.database.transaction() as tx:
        row = await renders.get(tx, tenant, request.render_id)
    ref = _picture_of(row, request.picture)
    if ref is None:
        raise _not_there(row)
    try:
        content = await deps.storage.get(ref.key)
    except BeatStitchError as error:
        if error.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING:
            raise _not_there(row) from error
        raise
    return GetRenderPictureResponse(content=content, content_type=_JPEG)


def _picture_of(row: RenderRow, picture: RenderPicture.ValueType) -> ObjectRef | None:
    if picture == render_service_pb2.RENDER_PICTURE_CONTACT_SHEET:
        return row.contact_sheet
    return row.poster


def _not_there(row: RenderRow) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OUTPUT_NOT_AVAILABLE,
        "the render has no such picture yet, or it was cleaned away",
        metadata={"render_id": row.render.id, "job_id": row.render.job_id},
    )
