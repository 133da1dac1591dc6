"""Bytes through the gateway's streams against bare gRPC streams; signed PUTs against S3 itself.

The bare upload that counts keeps its bytes in a bucket too, for that is what an upload is for; the
one that throws them away is told beside it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from bare_server import KEPT
from gateway_bench_download import rendered
from gateway_bench_room import alone, settings_on
from gateway_bench_told import median, verdict

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1 import common_pb2
from beatstitch.v1 import render_service_pb2 as renders
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch.v1.render_service_pb2_grpc import RenderServiceStub
from beatstitch_runtime.storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway_bench import Room
    from gateway_bench_room import Alone

SIZE = 32 * 1024 * 1024
CHUNK = 256 * 1024
ROUNDS = 9


async def streams(bench: Room) -> dict[str, float]:
    """Upload, download and signed PUT of 32 MiB, both sides in turns."""
    with tempfile.TemporaryDirectory() as folder:
        async with alone(Path(folder)) as room:
            project = (await room.client.CreateProject(display_name="bench")).project.id
            bare_up = AssetServiceStub(bench.bare)
            bare_down = RenderServiceStub(bench.bare)
            render_id = await rendered(room, bytes(SIZE))

            async def upload() -> None:
                await room.client.UploadAsset(_messages(project))

            async def kept() -> None:
                await bare_up.UploadAsset(_messages(project, KEPT))

            async def thrown_away() -> None:
                await bare_up.UploadAsset(_messages(project))

            async def download() -> None:
                await _drained(room.client.DownloadOutput(render_id=render_id))

            async def bare_download() -> None:
                request = renders.DownloadOutputRequest(render_id=str(SIZE))
                await _drained(bare_down.DownloadOutput(request))

            figures = {}
            pairs = {
                "upload": (upload, kept, 0.6),
                "upload, thrown away there,": (upload, thrown_away, 0),
                "download": (download, bare_download, 0.6),
            }
            for name, (ours, theirs, limit) in pairs.items():
                figures[f"stream_{name}"] = await _share(name, ours, theirs, limit)
            async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
                figures["presigned"] = await _presigned(room, project, http)
            return figures


async def _presigned(room: Alone, project: str, http: httpx.AsyncClient) -> float:
    storage = Storage.from_settings(settings_on(room.stack))
    data = bytes(SIZE)

    async def by_link() -> None:
        made = await room.client.CreateUpload(
            project_id=project,
            filename="a.mp4",
            size_bytes=SIZE,
            media_type=common_pb2.MEDIA_TYPE_VIDEO,
        )
        (await http.put(made.parts[0].url, content=data)).raise_for_status()

    async def direct() -> None:
        url = storage.links.sign_put("bench/direct", 60, SIZE)
        (await http.put(url, content=data)).raise_for_status()

    return await _share("presigned PUT, CreateUpload included,", by_link, direct, 0.95)


async def _share(
    name: str,
    ours: Callable[[], Awaitable[None]],
    theirs: Callable[[], Awaitable[None]],
    limit: float,
) -> float:
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for found, once in zip(taken, (ours, theirs), strict=True):
            begun = time.perf_counter()
            await once()
            if turn:  # the first one warms up
                found.append(time.perf_counter() - begun)
    share = median(taken[1]) / median(taken[0])
    speed = [SIZE / 1e6 / median(found) for found in taken]
    verdict(
        f"{name} to bare",
        share,
        limit,
        most=False,
        more=f"{speed[0]:.0f} MB/s to {speed[1]:.0f} MB/s",
    )
    return share


async def _messages(
    project: str, filename: str = "a.mp4"
) -> AsyncIterator[assets.UploadAssetRequest]:
    yield assets.UploadAssetRequest(
        header=assets.UploadHeader(
            project_id=project, filename=filename, media_type=common_pb2.MEDIA_TYPE_VIDEO
        )
    )
    chunk = bytes(CHUNK)
    for _ in range(SIZE // CHUNK):
        yield assets.UploadAssetRequest(chunk=chunk)


async def _drained(call: AsyncIterator[object]) -> None:
    async for _ in call:
        pass
