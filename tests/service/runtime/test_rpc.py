"""The gRPC server over a real socket."""
# ruff: noqa: N802, ARG002, PERF401, PT012, ASYNC110

from __future__ import annotations

import asyncio
import json
import logging
import subprocess

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RequestInfo
from google.rpc.status_pb2 import Status
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1 import asset_service_pb2_grpc as assets_grpc
from beatstitch.v1 import failure_pb2
from beatstitch.v1 import job_service_pb2 as jobs
from beatstitch.v1 import job_service_pb2_grpc as jobs_grpc
from beatstitch.v1 import render_service_pb2 as renders
from beatstitch.v1 import render_service_pb2_grpc as renders_grpc
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_runtime.rpc.channel import call, call_stream, open_channel, remaining_s
from beatstitch_runtime.rpc.errors import DETAILS_KEY
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.telemetry import current_context
from beatstitch_stack import tools

JOBS_SERVICE = "beatstitch.v1.JobService"
ASSETS_SERVICE = "beatstitch.v1.AssetService"
RENDERS_SERVICE = "beatstitch.v1.RenderService"


class Jobs(jobs_grpc.JobServiceServicer):
    """What each test needs done, chosen by the request's id."""

    def __init__(self):
        self.seen = {}
        self.release = asyncio.Event()

    async def GetJob(self, request, context):
        self.seen = dict(current_context())
        self.seen["remaining"] = remaining_s(1000)
        match request.job_id:
            case "wrong":
                raise field_error("id", "is wrong")
            case "boom":
                raise KeyError("secret detail")
            case "slow":
                await self.release.wait()
            case "timeout":
                raise TimeoutError
            case "abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "own")
        return jobs.GetJobResponse()

    async def WatchJob(self, request, context):
        yield jobs.WatchJobResponse()
        if request.job_id == "wrong":
            raise field_error("id", "is wrong")
        if request.job_id == "forever":
            await self.release.wait()
        yield jobs.WatchJobResponse()


class Assets(assets_grpc.AssetServiceServicer):
    async def UploadAsset(self, request_iterator, context):
        async for _ in request_iterator:
            raise field_error("metadata", "comes first")
        return assets.UploadAssetResponse()


class Renders(renders_grpc.RenderServiceServicer):
    async def DownloadOutput(self, request, context):
        await context.write(renders.DownloadOutputResponse())  # the other way to stream


class Rig:
    def __init__(self, **options):
        self.settings = ServiceSettings(**options)
        self.jobs = Jobs()
        self.server = RpcServer(
            self.settings,
            servicers=[
                Servicer(jobs_grpc.add_JobServiceServicer_to_server, self.jobs, JOBS_SERVICE),
                Servicer(assets_grpc.add_AssetServiceServicer_to_server, Assets(), ASSETS_SERVICE),
                Servicer(
                    renders_grpc.add_RenderServiceServicer_to_server, Renders(), RENDERS_SERVICE
                ),
            ],
        )

    async def __aenter__(self):
        port = await self.server.start()
        await self.server.set_serving(True)
        self.address = f"127.0.0.1:{port}"
        self.channel = open_channel(self.address)
        self.stub = jobs_grpc.JobServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)
        return self

    async def __aexit__(self, *_):
        self.jobs.release.set()
        await self.channel.close()
        await self.server.stop(0)

    async def get(self, job_id, timeout_s=5.0):
        request = jobs.GetJobRequest(job_id=job_id)
        return await call(self.stub.GetJob, request, timeout_s=timeout_s, dependency="gateway")

    async def watch(self, job_id):
        request = jobs.WatchJobRequest(job_id=job_id)
        stream = call_stream(self.stub.WatchJob, request, timeout_s=None, dependency="gateway")
        async for item in stream:
            yield item

    async def status(self, service=""):
        reply = await self.health.Check(health_pb2.HealthCheckRequest(service=service))
        return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)


@pytest.fixture
async def rig():
    async with Rig() as rig:
        yield rig


async def reason_of(awaitable):
    with pytest.raises(BeatStitchError) as caught:
        await awaitable
    return caught.value.reason


async def test_an_error_crosses_the_wire_whole(rig):
    with pytest.raises(BeatStitchError) as caught:
        await rig.get("wrong")
    assert caught.value.to_failure() == field_error("id", "is wrong").to_failure()


async def test_an_error_in_a_stream_crosses_the_wire_whole(rig):
    got = []
    with pytest.raises(BeatStitchError) as caught:
        async for item in rig.watch("wrong"):
            got.append(item)
    assert len(got) == 1
    assert caught.value.violations[0].field == "id"


async def test_streams_of_both_styles(rig):
    assert len([item async for item in rig.watch("short")]) == 2
    stub = renders_grpc.RenderServiceStub(rig.channel)
    assert len([i async for i in stub.DownloadOutput(renders.DownloadOutputRequest())]) == 1


async def test_an_error_in_an_upload(rig):
    stub = assets_grpc.AssetServiceStub(rig.channel)

    async def requests():
        yield assets.UploadAssetRequest()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.UploadAsset(requests())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_the_unforeseen_tells_an_id_and_nothing_else(rig, caplog):
    with pytest.raises(BeatStitchError) as caught:
        await rig.get("boom")
    assert caught.value.reason == failure_pb2.ERROR_REASON_INTERNAL
    assert "secret" not in str(caught.value)
    error_id = caught.value.metadata["error_id"]
    assert [r for r in caplog.records if getattr(r, "error_id", "") == error_id and r.exc_info]
    assert await reason_of(rig.get("timeout")) == failure_pb2.ERROR_REASON_INTERNAL


async def test_a_handlers_own_abort_is_left_alone(rig):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rig.stub.GetJob(jobs.GetJobRequest(job_id="abort"))
    assert caught.value.code() == grpc.StatusCode.DATA_LOSS


async def test_an_unknown_method(rig):
    method = rig.channel.unary_unary("/beatstitch.v1.JobService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    details = dict(caught.value.trailing_metadata())[DETAILS_KEY]
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("UNIMPLEMENTED", "beatstitch")


@pytest.mark.parametrize(
    "method",
    ["JobService/GetJob", "JobService/WatchJob", "AssetService/UploadAsset"],
    ids=["one reply", "many replies", "many requests"],
)
async def test_bytes_that_are_no_message_are_the_clients_mistake(rig, method):
    """gRPC itself would say INTERNAL, "Exception deserializing request!"."""
    service, _, name = method.partition("/")
    path = f"/beatstitch.v1.{service}/{name}"
    kind = {
        "GetJob": rig.channel.unary_unary,
        "WatchJob": rig.channel.unary_stream,
        "UploadAsset": rig.channel.stream_unary,
    }[name]
    broken = b"\x0a\xffno message"

    async def broken_stream():
        yield broken

    made = kind(path)(broken_stream() if name == "UploadAsset" else broken, timeout=5)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        if name == "WatchJob":
            await made.read()
        else:
            await made
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "no message of its type" in (caught.value.details() or "")


async def test_the_request_id_goes_through(rig, caplog):
    with caplog.at_level(logging.INFO):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rig.stub.GetJob(
                jobs.GetJobRequest(job_id="wrong"), metadata=(("x-request-id", "mine"),)
            )
        await asyncio.sleep(0.01)
    assert rig.jobs.seen["request_id"] == "mine"
    info = RequestInfo()
    details = dict(caught.value.trailing_metadata())[DETAILS_KEY]
    assert Status.FromString(details).details[-1].Unpack(info)
    assert info.request_id == "mine"
    assert any("GetJob INVALID_ARGUMENT" in r.getMessage() for r in caplog.records)
    await rig.stub.GetJob(jobs.GetJobRequest())
    assert len(rig.jobs.seen["request_id"]) == 36


async def test_a_deadline_is_given_and_passed_on(rig):
    await rig.get("x", timeout_s=3)
    assert 2 < rig.jobs.seen["remaining"] < 4  # gRPC rounds up
    assert await reason_of(rig.get("slow", 0.2)) == failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED


async def test_a_call_without_a_deadline_gets_one():
    async with Rig(grpc_default_timeout_s=0.2) as rig:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rig.stub.GetJob(jobs.GetJobRequest(job_id="slow"))
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "0.2 s" in caught.value.details()
        # A stream may go on for ever.
        watching = asyncio.create_task(anext(rig.watch("forever")))
        await watching


async def test_health(rig):
    for name in ("", JOBS_SERVICE, ASSETS_SERVICE, "liveness"):
        assert await rig.status(name) == "SERVING"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rig.status("nobody")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    await rig.server.set_serving(False)
    assert await rig.status() == "NOT_SERVING"
    assert await rig.status(JOBS_SERVICE) == "NOT_SERVING"
    assert await rig.status("liveness") == "SERVING"


async def test_a_server_is_not_ready_before_it_is_told_so():
    rig = Rig()
    await rig.server.start()
    async with open_channel(f"127.0.0.1:{rig.server.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest())
        assert reply.status == health_pb2.HealthCheckResponse.NOT_SERVING
    await rig.server.stop(0)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection(rig, version):
    method = rig.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=JOBS_SERVICE),
    ]
    replies = [reply async for reply in method(iter(requests))]
    names = {service.name for service in replies[0].list_services_response.service}
    assert {JOBS_SERVICE, ASSETS_SERVICE, "grpc.health.v1.Health"} <= names
    assert replies[1].file_descriptor_response.file_descriptor_proto


async def test_grpcurl_lists_and_describes(rig):
    command = [tools.grpcurl(), "-plaintext", "-max-time", "10", rig.address]

    async def run(*words):
        done = await asyncio.to_thread(
            subprocess.run, [*command, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert JOBS_SERVICE in await run("list")
    assert "WatchJob" in await run("describe", JOBS_SERVICE)
    assert json.loads(await run(f"{JOBS_SERVICE}/GetJob")) == {}


async def test_channelz(rig):
    stub = channelz_pb2_grpc.ChannelzStub(rig.channel)
    assert (await stub.GetServers(channelz_pb2.GetServersRequest())).server


async def test_two_servers_do_not_share_a_port(rig):
    port = int(rig.address.rpartition(":")[2])
    other = RpcServer(ServiceSettings(grpc_port=port), servicers=[])
    with pytest.raises(RuntimeError):
        await other.start()


async def test_stop_ends_open_streams_first(rig):
    got, ended = [], []

    async def watch():
        try:
            async for item in rig.watch("forever"):
                got.append(item)
        except BeatStitchError as error:
            ended.append(error.reason)

    states = []

    async def watch_health():
        try:
            async for reply in rig.health.Watch(health_pb2.HealthCheckRequest()):
                states.append(reply.status)
        except grpc.aio.AioRpcError as error:
            states.append(error.code())

    tasks = [asyncio.create_task(watch()), asyncio.create_task(watch_health())]
    while not (got and states):
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):  # not the time that calls are given
        await rig.server.stop(300)
    await asyncio.gather(*tasks)
    assert ended == [failure_pb2.ERROR_REASON_DRAINING]
    response = health_pb2.HealthCheckResponse
    assert states == [response.SERVING, response.NOT_SERVING, grpc.StatusCode.UNAVAILABLE]


async def test_stop_lets_calls_end_and_refuses_new_ones(rig):
    running = asyncio.create_task(rig.get("slow"))
    await asyncio.sleep(0.1)
    stopping = asyncio.create_task(rig.server.stop(10))
    await asyncio.sleep(0.1)
    refused = await reason_of(rig.get("x"))
    assert refused in {
        failure_pb2.ERROR_REASON_DRAINING,
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,  # the listener is closed already
    }
    assert not running.done()
    rig.jobs.release.set()
    await running
    await asyncio.wait_for(stopping, 2)


async def test_a_call_that_outlasts_the_grace_is_told_to_come_again(rig):
    running = asyncio.create_task(rig.get("slow"))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(rig.server.stop(0.2), 2)
    assert await reason_of(running) == failure_pb2.ERROR_REASON_DRAINING


async def test_nobody_there():
    async with open_channel("127.0.0.1:1") as channel:
        stub = jobs_grpc.JobServiceStub(channel)
        request = jobs.GetJobRequest()
        with pytest.raises(BeatStitchError) as caught:
            await call(stub.GetJob, request, timeout_s=2, dependency="renderer")
        assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
        assert caught.value.metadata == {"dependency": "renderer"}


async def test_a_server_that_comes_back_is_found_again(rig):
    await rig.get("x")
    port = int(rig.address.rpartition(":")[2])
    await rig.server.stop(0)
    again = RpcServer(
        ServiceSettings(grpc_port=port),
        servicers=[Servicer(jobs_grpc.add_JobServiceServicer_to_server, Jobs(), JOBS_SERVICE)],
    )
    await again.start()
    await call(
        rig.stub.GetJob,
        jobs.GetJobRequest(),
        timeout_s=5,
        dependency="gateway",
        wait_for_ready=True,
    )
    await again.stop(0)
