"""What the gateway is compared with: gRPC servers that do nothing else; run by gateway_bench.py.

    python bench/bare_server.py

Prints its port and serves until its standard input ends. BEATSTITCH_S3_… say where it keeps what is
uploaded under the name KEPT.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import AsyncIterator

import grpc.aio
import obstore
import uvloop
from obstore.store import S3Store

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1 import asset_service_pb2_grpc as assets_grpc
from beatstitch.v1 import project_service_pb2 as projects
from beatstitch.v1 import project_service_pb2_grpc as projects_grpc
from beatstitch.v1 import render_service_pb2 as renders
from beatstitch.v1 import render_service_pb2_grpc as renders_grpc
from beatstitch.v1.project_pb2 import Project

KEPT = "kept.mp4"
PART_BYTES = 8 * 1024 * 1024
CHUNK = b"\0" * (256 * 1024)


class Echo(projects_grpc.ProjectServiceServicer):
    """Answers with a project of the usual size."""

    async def GetProject(self, request, _context):  # noqa: ANN001, ANN201, N802
        """As the gateway's, without looking anywhere."""
        project = Project(id=request.project_id, display_name="bench", etag="0" * 16)
        project.create_time.GetCurrentTime()
        return projects.GetProjectResponse(project=project)


class Uploads(assets_grpc.AssetServiceServicer):
    """Takes bytes, and throws them away or puts them into the bucket."""

    async def UploadAsset(self, request_iterator, _context):  # noqa: ANN001, ANN201, N802
        """As the gateway's, without a look at anything."""
        first = await anext(aiter(request_iterator))
        if first.header.filename == KEPT:
            chunks = (message.chunk async for message in request_iterator)
            await obstore.put_async(bucket(), "bench/bare", chunks, chunk_size=PART_BYTES)
        async for _ in request_iterator:
            pass
        return assets.UploadAssetResponse()


@functools.cache
def bucket() -> S3Store:
    """Where the gateway of the same run keeps its objects."""
    told = {name: os.environ[f"BEATSTITCH_S3_{name}"] for name in ("BUCKET", "ENDPOINT", "REGION")}
    return S3Store(
        told["BUCKET"],
        endpoint=told["ENDPOINT"],
        region=told["REGION"],
        access_key_id=os.environ["BEATSTITCH_S3_ACCESS_KEY"],
        secret_access_key=os.environ["BEATSTITCH_S3_SECRET_KEY"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


class Downloads(renders_grpc.RenderServiceServicer):
    """Gives bytes out of its memory."""

    async def DownloadOutput(  # noqa: N802
        self,
        request: renders.DownloadOutputRequest,
        _context: object,
    ) -> AsyncIterator[renders.DownloadOutputResponse]:
        """As many bytes as the render's id says."""
        left = int(request.render_id)
        while left > 0:
            yield renders.DownloadOutputResponse(chunk=CHUNK[:left])
            left -= len(CHUNK)


async def main() -> None:
    """Serves."""
    server = grpc.aio.server()
    projects_grpc.add_ProjectServiceServicer_to_server(Echo(), server)
    assets_grpc.add_AssetServiceServicer_to_server(Uploads(), server)
    renders_grpc.add_RenderServiceServicer_to_server(Downloads(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
