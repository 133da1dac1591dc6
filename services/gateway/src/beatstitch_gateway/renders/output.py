"""The video of a finished render: found, streamed, linked to."""

from __future__ import annotations

from collections.abc import AsyncIterator

from beatstitch.v1 import failure_pb2, render_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.render_pb2 import Container, Render
from beatstitch.v1.render_service_pb2 import (
    CreateOutputDownloadLinkResponse,
    DownloadOutputRequest,
    DownloadOutputResponse,
)
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.db import renders
from beatstitch_gateway.db.renders import RenderRow
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.links import expiry
from beatstitch_gateway.retention import policy as policies
from beatstitch_gateway.retention.policy import Policy

_CHUNK_BYTES = 256 * 1024


async def stream_output(
    deps: Deps, tenant: str, request: DownloadOutputRequest
) -> AsyncIterator[DownloadOutputResponse]:
    """The video's bytes from an offset on, 256 KiB at a time.

    The first reply tells size and SHA-256 of the whole.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND, OUTPUT_NOT_AVAILABLE, OUTPUT_EXPIRED, FIELD_INVALID,
            DEPENDENCY_DOWN.
    """
    if request.limit_bytes < 0:
        raise field_error("limit_bytes", f"must be 0 or more, not {request.limit_bytes}")
    _, output = await _output(deps, tenant, request.render_id)
    total, offset = output.size_bytes, request.offset_bytes
    if not 0 <= offset <= total:
        raise field_error("offset_bytes", f"is {offset}, allowed are 0 to {total}")
    told = DownloadOutputResponse(total_bytes=total, sha256=output.sha256)
    if offset == total:
        yield told
        return
    length = min(request.limit_bytes or total, total - offset)
    async for chunk in deps.storage.stream(output.key, offset, _CHUNK_BYTES, length):
        told.chunk = chunk
        yield told
        told = DownloadOutputResponse()


async def link_output(deps: Deps, tenant: str, render_id: str) -> CreateOutputDownloadLinkResponse:
    """A signed link to the video; it takes HTTP ranges.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND, OUTPUT_NOT_AVAILABLE, OUTPUT_EXPIRED, DEPENDENCY_DOWN.
    """
    render, output = await _output(deps, tenant, render_id)
    expires_s = deps.settings.link_expiry_s
    end = expiry(expires_s)
    url = deps.storage.links.sign_get(
        output.key, expires_s, f"beatstitch-{render.id}-{render.profile}.{_suffix(render)}"
    )
    return CreateOutputDownloadLinkResponse(url=url, expire_time=end)


async def _output(deps: Deps, tenant: str, render_id: str) -> tuple[Render, ObjectRef]:
    async with deps.database.transaction() as tx:
        row = await renders.get(tx, tenant, render_id)
        policy = await policies.of(tx, deps.settings, tenant)
    if row.render.expired:
        raise _expired(with_end(row, policy))
    if row.output is None or not await deps.storage.exists(row.output.key):
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_OUTPUT_NOT_AVAILABLE,
            "the render has no output yet, or its output is lost",
            metadata={"render_id": render_id, "job_id": row.render.job_id},
        )
    return row.render, row.output


def with_end(row: RenderRow, policy: Policy) -> Render:
    """The render, told until when its output is kept. Pure."""
    if row.finish_time is not None:
        ends = policy.output_ends(row.render.profile, row.finish_time)
        if ends is not None:
            row.render.expire_time.FromDatetime(ends)
    return row.render


def _expired(render: Render) -> BeatStitchError:
    metadata = {"render_id": render.id}
    if render.HasField("expire_time"):
        metadata["expire_time"] = render.expire_time.ToJsonString()
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OUTPUT_EXPIRED,
        "the output was removed when its time was over; RestoreOutput makes it again",
        metadata=metadata,
    )


def _suffix(render: Render) -> str:
    """The file's extension, by the container that it was made in."""
    container = render.manifest.profile.container or render_pb2.CONTAINER_MP4
    return Container.Name(container).removeprefix("CONTAINER_").lower()
