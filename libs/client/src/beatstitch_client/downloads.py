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

try:
    import fcntl
except ImportError:  # Windows: nothing is gone on with there
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from beatstitch.v1.render_service_pb2_grpc import RenderServiceAsyncStub
    from beatstitch_client.connection import Connection

_READ_BYTES = 1024 * 1024


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
    with _part(path, manifest.sha256) as (file, part):
        fetch = _Fetch(file, on_bytes)
        await asyncio.to_thread(fetch.go_on)
        await fetch.run(connection, renders, render_id)
        await asyncio.to_thread(os.fsync, file.fileno())
        digest = fetch.digest.hexdigest()
        expected = manifest.sha256 or fetch.expected
        if expected and digest != expected:
            part.unlink()
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_VERIFICATION_FAILED,
                "the video that arrived is not the one that was rendered",
                metadata={"expected": expected, "received": digest},
            )
        await asyncio.to_thread(part.replace, path)
    return path


@contextlib.contextmanager
def _part(path: Path, sha256: str) -> Iterator[tuple[BinaryIO, Path]]:
    """The file beside `path` that the bytes go to first: one that was left, where there is one.

    It is named by the video's checksum, so what was left is of the same video, and locked while
    it is written. In the same folder, so that the rename stays inside one file system.
    """
    with contextlib.ExitStack() as stack:
        part = path.with_name(f".{path.name}.{sha256[:16]}.part")
        file: BinaryIO | None = None
        if sha256 and fcntl is not None:
            stack.callback(_remove_empty, part)
            file = stack.enter_context(part.open("a+b"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another download of the same, or a file system without locks
                file = None
        if file is None:
            part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
            file = stack.enter_context(part.open("x+b"))
            stack.callback(part.unlink, missing_ok=True)
        yield file, part


def _remove_empty(part: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not part.stat().st_size:
            part.unlink()


class _Fetch:
    """Writes an output's bytes, over as many streams as it takes."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int, int], None] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._size = 0
        self._total = 0
        self.digest = hashlib.sha256()
        self.expected = ""

    def go_on(self) -> None:
        """Takes the bytes that an earlier download left."""
        self._file.seek(0)
        while chunk := self._file.read(_READ_BYTES):
            self.digest.update(chunk)
            self._size += len(chunk)

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
                    self.expected = reply.sha256 or self.expected
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
