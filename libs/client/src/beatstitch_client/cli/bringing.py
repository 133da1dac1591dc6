"""The first step of `beatstitch stitch`: a project and its files, found again when it broke off.

What a run leaves behind is one request_id on disk (see `resuming`), named by the server and by the
files as they are: paths, sizes, times of change. Project and uploads are made under ids that follow
from it. So the same command called again means the same project: what was brought is there, and of
a large file only the missing parts are sent. A changed file means another project.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, failure_pb2, job_pb2
from beatstitch_client.resuming import ticket
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from beatstitch.v1.common_pb2 import MediaType
    from beatstitch_client.aio import AsyncClient
    from beatstitch_client.cli.view import View
    from beatstitch_client.resuming import Ticket
    from beatstitch_client.uploads import Upload

UPLOADS_AT_ONCE = 3

R = failure_pb2
# What was left is no more, or was another thing.
_OVER = frozenset(
    {
        R.ERROR_REASON_PROJECT_NOT_FOUND,
        R.ERROR_REASON_ASSET_NOT_FOUND,
        R.ERROR_REASON_REQUEST_ID_REUSED,
    }
)


def left_run(place: str, title: str, paths: Sequence[Path]) -> AbstractContextManager[Ticket]:
    """What an earlier run of the same command has left, or a new beginning; held while it runs.

    Args:
        place: The server; empty for one that ends with this run, where nothing is kept.
        title: What the project is called.
        paths: The files.

    Raises:
        OSError: A file can't be looked at.
    """
    seen = [path.stat() for path in paths]
    files = [
        f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        for path, stat in zip(paths, seen, strict=True)
    ]
    size = sum(stat.st_size for stat in seen) if place else 0
    return ticket(size, "stitch", place, title, *files)


async def bring(
    client: AsyncClient, run: Ticket, title: str, paths: Sequence[Path], view: View
) -> tuple[str, list[Upload]]:
    """The project's id and its uploads; the first of the files is the song."""
    try:
        return await _bring(client, run, title, paths, view)
    except BeatStitchError as error:
        if not run.resumed or error.reason not in _OVER:
            raise
        run.renew()
        return await _bring(client, run, title, paths, view)


async def _bring(
    client: AsyncClient, run: Ticket, title: str, paths: Sequence[Path], view: View
) -> tuple[str, list[Upload]]:
    project = await client.create_project(title, request_id=run.request_id)
    return project.id, await _Uploads(client, project.id, run).all(paths, view)


class _Uploads:
    """The uploads of one run."""

    def __init__(self, client: AsyncClient, project_id: str, run: Ticket) -> None:
        self._client, self._project_id, self._run = client, project_id, run
        self._by_stream = False

    async def all(self, paths: Sequence[Path], view: View) -> list[Upload]:
        """Uploads files, a few at a time."""
        sizes = await asyncio.to_thread(lambda: [path.stat().st_size for path in paths])
        total, sent = max(sum(sizes), 1), dict.fromkeys(range(len(paths)), 0)
        places = asyncio.Semaphore(UPLOADS_AT_ONCE)

        def show(index: int, count: int) -> None:
            sent[index] = count
            done = sum(sent.values())
            detail = f"{megabytes(done)} MB"
            view.stage("upload", job_pb2.JOB_STATE_RUNNING, 99 * done // total, detail)

        async def one(index: int, path: Path) -> Upload:
            async with places:
                return await self._one(index, path, lambda count: show(index, count))

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(i, path)) for i, path in enumerate(paths)]
        except BaseExceptionGroup as failures:
            view.stage("upload", job_pb2.JOB_STATE_FAILED, 0)
            raise failures.exceptions[0] from None
        detail = f"{len(paths)} files, {megabytes(total)} MB"
        view.stage("upload", job_pb2.JOB_STATE_SUCCEEDED, 100, detail)
        return [task.result() for task in tasks]

    async def _one(self, index: int, path: Path, on_bytes: Callable[[int], None]) -> Upload:
        kind: MediaType.ValueType | None = common_pb2.MEDIA_TYPE_AUDIO if index == 0 else None
        if not self._run.lasting:
            return await self._client.upload(self._project_id, path, kind, on_bytes=on_bytes)
        name = f"{self._run.request_id}-{index}"
        if not self._by_stream:
            try:
                return await self._client.upload(
                    self._project_id, path, kind, via="url", on_bytes=on_bytes, request_id=name
                )
            except BeatStitchError as error:
                if error.metadata.get("dependency") != "storage":
                    raise
                # The server may reach its storage where we don't: the others needn't try.
                self._by_stream = True
        return await self._client.upload(
            self._project_id,
            path,
            kind,
            via="stream",
            on_bytes=on_bytes,
            request_id=f"{name}-stream",
        )


def megabytes(count: int) -> str:
    """Bytes as megabytes with one decimal."""
    return f"{count / 1e6:.1f}"
