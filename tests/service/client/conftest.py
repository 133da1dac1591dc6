# ruff: noqa: N802 - gRPC names the handlers
"""A gateway that fails on demand: the faults that a real one can't be told to have.

The path without faults is tested against the real gateway.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import pytest
import pytest_asyncio

from beatstitch.v1 import (
    asset_service_pb2,
    asset_service_pb2_grpc,
    info_service_pb2,
    info_service_pb2_grpc,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
    project_service_pb2,
    project_service_pb2_grpc,
    render_service_pb2,
    render_service_pb2_grpc,
    stitch_service_pb2,
    stitch_service_pb2_grpc,
)
from beatstitch.v1.job_pb2 import Job
from beatstitch_client import AsyncClient
from beatstitch_client.errors import DETAILS_KEY
from beatstitch_core.error_details import status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from beatstitch_core.errors import BeatStitchError

VIDEO = bytes(range(256)) * 4096
KEY = "bsk_test"


class Script:
    """What the server does and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[object] = []
        self.faults: deque[BeatStitchError | grpc.StatusCode] = deque()
        self.watches: deque[list[Job | grpc.StatusCode]] = deque()
        self.many: deque[list[str | grpc.StatusCode]] = deque()
        self.download_breaks: deque[int] = deque()
        self.download_sha256 = hashlib.sha256(VIDEO).hexdigest()
        self.upload_url = ""
        self.part_bytes = 1 << 30
        self.uploaded = b""
        self.cancelled = asyncio.Event()

    def of(self, kind: type) -> list:
        return [request for request in self.requests if isinstance(request, kind)]


class Gateway(
    asset_service_pb2_grpc.AssetServiceServicer,
    info_service_pb2_grpc.InfoServiceServicer,
    job_service_pb2_grpc.JobServiceServicer,
    project_service_pb2_grpc.ProjectServiceServicer,
    render_service_pb2_grpc.RenderServiceServicer,
    stitch_service_pb2_grpc.StitchServiceServicer,
):
    """Follows the script."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def _enter(self, request, context) -> None:
        self.script.requests.append(request)
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {KEY}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no key")
        if self.script.faults:
            await fail(context, self.script.faults.popleft())

    async def GetServerInfo(self, request, context):
        await self._enter(request, context)
        return info_service_pb2.GetServerInfoResponse(version="test")

    async def CreateProject(self, request, context):
        await self._enter(request, context)
        reply = project_service_pb2.CreateProjectResponse()
        reply.project.id, reply.project.display_name = "project", request.display_name
        return reply

    async def CreateUpload(self, request, context):
        await self._enter(request, context)
        reply = asset_service_pb2.CreateUploadResponse()
        reply.asset.id = f"asset-{request.filename}"
        for number, offset in enumerate(range(0, request.size_bytes, self.script.part_bytes), 1):
            reply.parts.add(
                part_number=number,
                offset_bytes=offset,
                size_bytes=min(self.script.part_bytes, request.size_bytes - offset),
                url=f"{self.script.upload_url}/part/{number}?signature=secret",
            )
        return reply

    async def CompleteUpload(self, request, context):
        await self._enter(request, context)
        reply = asset_service_pb2.CompleteUploadResponse()
        reply.asset.id, reply.job.id = request.asset_id, "ingest"
        return reply

    async def DeleteAsset(self, request, context):
        await self._enter(request, context)
        return asset_service_pb2.DeleteAssetResponse()

    async def UploadAsset(self, request_iterator, context):
        header, data = None, b""
        async for part in request_iterator:
            if part.WhichOneof("part") == "header":
                header = part.header
                await self._enter(header, context)
            else:
                data += part.chunk
        self.script.uploaded = data
        reply = asset_service_pb2.UploadAssetResponse()
        reply.asset.id, reply.job.id = f"asset-{header.filename}", "ingest"
        return reply

    async def Stitch(self, request, context):
        await self._enter(request, context)
        return stitch_service_pb2.StitchResponse(job=Job(id="job", type=job_pb2.JOB_TYPE_STITCH))

    async def WatchJob(self, request, context):
        await self._enter(request, context)
        steps = self.script.watches.popleft() if self.script.watches else []
        for step in steps:
            if isinstance(step, Job):
                yield job_service_pb2.WatchJobResponse(job=step)
            else:
                await fail(context, step)
        if not steps:
            await self.script.cancelled.wait()
            yield job_service_pb2.WatchJobResponse(
                job=Job(id="job", state=job_pb2.JOB_STATE_CANCELLED, revision=99)
            )

    async def WatchJobs(self, request, context):
        await self._enter(request, context)
        for step in self.script.many.popleft():
            if isinstance(step, str):
                yield job_service_pb2.WatchJobsResponse(job=Job(id=step), resume_token=f"at {step}")
            else:
                await fail(context, step)

    async def CancelJob(self, request, context):
        await self._enter(request, context)
        self.script.cancelled.set()
        return job_service_pb2.CancelJobResponse(job=Job(id=request.job_id))

    async def ListJobs(self, request, context):
        await self._enter(request, context)
        begin = int(request.page_token or 0)
        reply = job_service_pb2.ListJobsResponse()
        reply.jobs.extend(Job(id=str(i)) for i in range(begin, begin + request.page_size))
        reply.next_page_token = str(begin + request.page_size)
        return reply

    async def GetRender(self, request, context):
        await self._enter(request, context)
        reply = render_service_pb2.GetRenderResponse()
        reply.render.manifest.sha256 = self.script.download_sha256
        return reply

    async def DownloadOutput(self, request, context):
        await self._enter(request, context)
        breaks = self.script.download_breaks.popleft() if self.script.download_breaks else None
        at = request.offset_bytes
        for offset in range(at, len(VIDEO), 65_536):
            if breaks is not None and offset >= breaks:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            yield render_service_pb2.DownloadOutputResponse(
                chunk=VIDEO[offset : offset + 65_536],
                total_bytes=len(VIDEO) if offset == at else 0,
            )


async def fail(context, fault: BeatStitchError | grpc.StatusCode) -> None:
    if isinstance(fault, grpc.StatusCode):
        await context.abort(fault, "scripted")
        return
    code = getattr(grpc.StatusCode, fault.rule.code)
    details = status_of(fault).SerializeToString()
    await context.abort(code, fault.message, trailing_metadata=((DETAILS_KEY, details),))


@asynccontextmanager
async def serving(script: Script, port: int = 0) -> AsyncIterator[int]:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    gateway = Gateway(script)
    asset_service_pb2_grpc.add_AssetServiceServicer_to_server(gateway, server)
    info_service_pb2_grpc.add_InfoServiceServicer_to_server(gateway, server)
    job_service_pb2_grpc.add_JobServiceServicer_to_server(gateway, server)
    project_service_pb2_grpc.add_ProjectServiceServicer_to_server(gateway, server)
    render_service_pb2_grpc.add_RenderServiceServicer_to_server(gateway, server)
    stitch_service_pb2_grpc.add_StitchServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def serve():
    """Runs a gateway for a script: `async with serve(script) as port`."""
    return serving


@pytest.fixture
def video() -> bytes:
    return VIDEO


@pytest.fixture
def api_key() -> str:
    return KEY


@pytest_asyncio.fixture
async def client(script: Script) -> AsyncIterator[AsyncClient]:
    async with (
        serving(script) as port,
        AsyncClient(f"127.0.0.1:{port}", KEY, retry_s=5.0) as client,
    ):
        yield client
