"""All of the public API with one key, as a client without our SDK has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc.aio
import pytest
from google.protobuf.message import Message

from beatstitch.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    analysis_service_pb2,
    analysis_service_pb2_grpc,
    asset_service_pb2,
    asset_service_pb2_grpc,
    info_service_pb2,
    info_service_pb2_grpc,
    job_service_pb2,
    job_service_pb2_grpc,
    project_service_pb2,
    project_service_pb2_grpc,
    render_service_pb2,
    render_service_pb2_grpc,
    stitch_service_pb2,
    stitch_service_pb2_grpc,
    template_service_pb2,
    template_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
    timeline_service_pb2,
    timeline_service_pb2_grpc,
    webhook_service_pb2,
    webhook_service_pb2_grpc,
)
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_runtime.rpc.errors import error_from_rpc

API = (
    (project_service_pb2, project_service_pb2_grpc),
    (asset_service_pb2, asset_service_pb2_grpc),
    (analysis_service_pb2, analysis_service_pb2_grpc),
    (timeline_service_pb2, timeline_service_pb2_grpc),
    (render_service_pb2, render_service_pb2_grpc),
    (stitch_service_pb2, stitch_service_pb2_grpc),
    (template_service_pb2, template_service_pb2_grpc),
    (job_service_pb2, job_service_pb2_grpc),
    (tenant_service_pb2, tenant_service_pb2_grpc),
    (admin_service_pb2, admin_service_pb2_grpc),
    (webhook_service_pb2, webhook_service_pb2_grpc),
    (info_service_pb2, info_service_pb2_grpc),
)
TIMEOUT_S = 20.0


class Client:
    """All of the public API with one key: `await client.GetJob(job_id=…)`."""

    def __init__(self, channel: grpc.aio.Channel, key: str) -> None:
        self.metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self.methods = {}
        for messages, stubs in API:
            (service,) = messages.DESCRIPTOR.services_by_name.values()
            stub = getattr(stubs, f"{service.name}Stub")(channel)
            for method in service.methods:
                request = getattr(messages, method.input_type.name)
                self.methods[method.name] = (getattr(stub, method.name), request)

    def __getattr__(self, name: str):
        method, request_type = self.methods[name]

        def call(request: Message | object = None, **fields: object):
            body = request_type(**fields) if request is None else request
            return method(body, metadata=self.metadata, timeout=TIMEOUT_S)

        return call

    async def refused(self, call: object, reason: str) -> BeatStitchError:
        """The error of a call, whose reason has to be this one."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await outcome(call)
        error = error_from_rpc(caught.value, "gateway")
        assert reason_name(error.reason) == reason, error
        return error


async def outcome(call: object) -> None:
    """Waits for a call's end, whatever its shape."""
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call


async def upload_messages(
    project_id: str, filename: str, media_type: int, data: bytes, **header: object
) -> AsyncIterator[asset_service_pb2.UploadAssetRequest]:
    fields = {"project_id": project_id, "filename": filename, "media_type": media_type, **header}
    yield asset_service_pb2.UploadAssetRequest(header=asset_service_pb2.UploadHeader(**fields))
    for start in range(0, len(data), 256 * 1024):
        yield asset_service_pb2.UploadAssetRequest(chunk=data[start : start + 256 * 1024])
