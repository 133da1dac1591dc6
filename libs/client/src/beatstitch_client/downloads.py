"""Fetching a video: resumed where it broke off, checked, and there as a whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

import grpc

from beatstitch.v1 import failure_pb2
from beatstitch.v1.render_service_pb2 import DownloadOutputRequest, GetRenderRequest
from beatstitch.v1.render_service_pb2_grpc import RenderServiceStub
from beatstitch_client.connection import Backoff
from beatstitch_client.errors import translate
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beatstitch.v1.render_service_pb2_grpc import RenderServiceAsyncStub
    from beatstitch_client.connection import Connection


async def download(
    connection: Connection,
    render_id: str,
    path: Path,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Path:
    """See `AsyncClient.download`."""
    renders = RenderServiceStub(connection.channel)
    found = await connection.call(renders.GetRender, GetRenderRequest(render_id=render_id))
    manifest = found.render.manifest
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the rename stays inside one file system.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            fetch = _Fetch(file, on_bytes)
            await fetch.run(connection, renders, render_id)
            await asyncio.to_thread(os.fsync, file.fileno())
        digest = fetch.digest.hexdigest()
        if manifest.sha256 and digest != manifest.sha256:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_VERIFICATION_FAILED,
                "the video that arrived is not the one that was rendered",
                metadata={"expected": manifest.sha256, "received": digest},
            )
        await asyncio.to_thread(part.replace, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    return path


class _Fetch:
    """Writes an output's bytes, over as many streams as it takes."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int, int], None] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._size = 0
        self._total = 0
        self.digest = hashlib.sha256()

    async def run(
        self, connection: Connection, renders: RenderServiceAsyncStub, render_id: str
    ) -> None:
        backoff = Backoff(connection.retry_s)
        while True:
            request = DownloadOutputRequest(render_id=render_id, offset_bytes=self._size)
            try:
                async for reply in renders.DownloadOutput(request, metadata=connection.metadata):
                    backoff.reset()
                    self._total = reply.total_bytes or self._total
                    await asyncio.to_thread(self._take, reply.chunk)
                return
            except grpc.aio.AioRpcError as error:
                await backoff.wait(translate(error))

    def _take(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.digest.update(chunk)
        self._size += len(chunk)
        if self._on_bytes is not None:
            self._on_bytes(self._size, self._total)
