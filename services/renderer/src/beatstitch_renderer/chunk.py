"""The job RENDER_CHUNK: one piece, unless it is there already."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import sandbox
from beatstitch_renderer.baseline import PIECE_ENV
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.compositor.codecs import piece_fingerprint
from beatstitch_renderer.ending import end_of_render
from beatstitch_renderer.piece import read_header
from beatstitch_renderer.planning.encoding import encoding_of
from beatstitch_renderer.together import together
from beatstitch_runtime.metrics import rendering as metrics

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia, RenderChunkSpec
    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch_renderer.cache import InputCache
    from beatstitch_renderer.settings import RendererSettings
    from beatstitch_runtime.jobs.worker import JobContext

_CHILD = "beatstitch_renderer.children.chunk_child"
_OTHER_RENDERER_RETRY_S = 5.0
# libx264 has a lookahead thread and libav's allocations round up; one thread does the work.
_CHILD_THREADS = 2


class ChunkRenderer:
    """Handles RENDER_CHUNK jobs.

    Args:
        settings: Limits.
        cache: Downloaded inputs.
        fingerprint: This renderer's.
    """

    def __init__(self, settings: RendererSettings, cache: InputCache, fingerprint: str) -> None:
        self._settings, self._cache, self._fingerprint = settings, cache, fingerprint

    async def run(self, context: JobContext) -> JobSucceeded:
        """Renders and stores the piece; that it is done is all there is to tell.

        Raises:
            BeatStitchError: INPUT_CORRUPT naming the asset, RENDER_TIMEOUT, OUT_OF_MEMORY,
                FFMPEG_FAILED; DEPENDENCY_DOWN when the plan is another renderer's;
                JOB_STATE_INVALID when the render is over and nobody waits for the piece.
        """
        async with end_of_render(context) as over:
            making = asyncio.create_task(self._make(context))
            try:
                waits: set[asyncio.Future[Any]] = {making, over}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not making.done():
                    making.cancel()
                    await asyncio.wait({making})
            if making.cancelled():
                raise BeatStitchError(
                    failure_pb2.ERROR_REASON_JOB_STATE_INVALID, "the render of this piece is over"
                )
            return making.result()

    async def _make(self, context: JobContext) -> JobSucceeded:
        spec = context.spec.render_chunk
        if await context.storage.exists(spec.output_key):
            return JobSucceeded()
        content = spec.chunk.content
        ours = piece_fingerprint(self._fingerprint, encoding_of(content))
        if content.renderer_fingerprint != ours:
            # While versions change, old and new workers share the queue: hand it to the other kind.
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
                "the piece was planned by another version of the renderer",
                metadata={"dependency": "renderer"},
                retry_after_s=_OTHER_RENDERER_RETRY_S,
            )
        await self._fetch(context, spec.media)
        try:
            begun = time.monotonic()
            piece = await self._render(content, context.work_dir)
            metrics.rendered(content.frame_count, time.monotonic() - begun)
        except BeatStitchError as error:
            raise named(error, spec) from error
        header = await asyncio.to_thread(read_header, piece)
        if header.frame_count != content.frame_count:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_FFMPEG_FAILED,
                f"a piece of {content.frame_count} frames came out with {header.frame_count}",
            )
        await context.storage.put_file(spec.output_key, piece)
        return JobSucceeded()

    async def _fetch(self, context: JobContext, media: Iterable[ReadyMedia]) -> None:
        each = {item.object.sha256: item.object for item in media}
        await together(
            self._cache.fetch(context.storage, ref, context.work_dir / sha256)
            for sha256, ref in each.items()
        )

    async def _render(self, content: ChunkContent, folder: Path) -> Path:
        await sandbox.run(
            sandbox.python_command(_CHILD),
            work_dir=folder,
            what="rendering a piece",
            timeout_s=self._settings.chunk_timeout_s,
            timeout_reason=failure_pb2.ERROR_REASON_RENDER_TIMEOUT,
            memory_bytes=self._settings.chunk_memory_bytes,
            threads=_CHILD_THREADS,
            stdin=content.SerializeToString(),
            env=PIECE_ENV,
        )
        return folder / PIECE


def named(error: BeatStitchError, spec: RenderChunkSpec) -> BeatStitchError:
    """The error with the asset's id and file name in place of its checksum."""
    sha256 = error.metadata.pop("media_sha256", None)
    for item in spec.media:
        if item.object.sha256 == sha256:
            error.metadata["asset_id"] = item.asset_id
            return BeatStitchError(
                error.reason,
                f"{item.filename or item.asset_id}: {error.message}",
                metadata=error.metadata,
                stderr_tail=error.stderr_tail,
            )
    return error
