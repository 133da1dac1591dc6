"""The video of a finished render: found, streamed, linked to."""

from __future__ import annotations

from collections.abc import AsyncIterator

from beatstitch.v1 import failure_pb2, render_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.render_pb2 import Container, Render
from beatstitch.v1.render_service_pb2 import (
    CreateOutputDownloadLinkResponse,
    DownloadOutputResponse,
)
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.db import renders
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.links import expiry

_CHUNK_BYTES = 256 * 1024


async def stream_output(
    deps: Deps, tenant: str, render_id: str, offset: int
) -> AsyncIterator[DownloadOutputResponse]:
    """The video's bytes from an offset on, 256 KiB at a time; the first reply tells the total.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND, OUTPUT_NOT_AVAILABLE, FIELD_INVALID, DEPENDENCY_DOWN.
    """
    _, output = await _output(deps, tenant, render_id)
    total = output.size_bytes
    if not 0 <= offset <= total:
        raise field_error("offset_bytes", f"is {offset}, allowed are 0 to {total}")
    told = DownloadOutputResponse(total_bytes=total)
    if offset == total:
        yield told
        return
    async for chunk in deps.storage.stream(output.key, offset, _CHUNK_BYTES):
        told.chunk = chunk
        yield told
        told = DownloadOutputResponse()


async def link_output(deps: Deps, tenant: str, render_id: str) -> CreateOutputDownloadLinkResponse:
    """A signed link to the video.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND, OUTPUT_NOT_AVAILABLE, DEPENDENCY_DOWN.
    """
    render, output = await _output(deps, tenant, render_id)
    expires_s = deps.settings.link_expiry_s
    end = expiry(expires_s)
    url = deps.storage.sign_get(
        output.key, expires_s, f"beatstitch-{render.id}-{render.profile}.{_suffix(render)}"
    )
    return CreateOutputDownloadLinkResponse(url=url, expire_time=end)


async def _output(deps: Deps, tenant: str, render_id: str) -> tuple[Render, ObjectRef]:
    async with deps.database.transaction() as tx:
        row = await renders.get(tx, tenant, render_id)
    if row.output is None or not await deps.storage.exists(row.output.key):
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_OUTPUT_NOT_AVAILABLE,
            "the render has no output yet, or its output was cleaned away",
            metadata={"render_id": render_id, "job_id": row.render.job_id},
        )
    return row.render, row.output


def _suffix(render: Render) -> str:
    """The file's extension, by the container that it was made in."""
    container = render.manifest.profile.container or render_pb2.CONTAINER_MP4
    return Container.Name(container).removeprefix("CONTAINER_").lower()
