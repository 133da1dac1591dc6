"""From a call's metadata through NATS to a worker's child process, as a collector gets it."""
# ruff: noqa: N802

from __future__ import annotations

import asyncio
import json
import logging
import shutil

import grpc.aio
import pytest
from support.scrape import collecting, scrape_port

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import job_service_pb2 as jobs
from beatstitch.v1 import job_service_pb2_grpc as jobs_grpc
from beatstitch_core.errors import field_error
from beatstitch_media import sandbox
from beatstitch_runtime import tracing
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.topology import EVENTS, JOBS
from beatstitch_runtime.metrics.server import MetricsServer
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.telemetry import JsonFormatter, bind
from beatstitch_runtime.traceparent import traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
SECRET = "holiday with Anna"


@pytest.fixture
def collector(house):
    with collecting() as collector:
        settings = house.settings.model_copy(update={"otlp_endpoint": collector.endpoint})
        tracing.configure(settings, "test")
        yield collector
        tracing.shutdown()


@pytest.fixture
def lines():
    """The log's lines, as they are written."""
    found = []

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield found
    root.removeHandler(handler)
    root.setLevel(level)


class Jobs(jobs_grpc.JobServiceServicer):
    """Each call submits a job, as the gateway does."""

    def __init__(self, house):
        self.house = house

    async def GetJob(self, request, _context):
        bind(tenant="acme")
        if request.job_id == "wrong":
            raise field_error("job_id", f"{SECRET} is wrong")
        spec = self.house.spec(tenant="acme", traceparent=traceparent())
        spec.job_id = request.job_id
        await publish_job(self.house.bus, spec, spec.job_id)
        logging.getLogger("test").info("submitted")
        return jobs.GetJobResponse()


class Room:
    def __init__(self, house):
        self.house = house

    async def __aenter__(self):
        add = jobs_grpc.add_JobServiceServicer_to_server
        servicer = Servicer(add, Jobs(self.house), "beatstitch.v1.JobService")
        self.server = RpcServer(self.house.settings, servicers=[servicer])
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{await self.server.start()}")
        self.stub = jobs_grpc.JobServiceStub(self.channel)
        return self

    async def __aexit__(self, *_):
        await self.channel.close()
        await self.server.stop(0)

    async def submit(self, job_id, traceparent=CALLER):
        sent = (("x-request-id", f"r-{job_id}"), ("traceparent", traceparent))
        return await self.stub.GetJob(jobs.GetJobRequest(job_id=job_id), metadata=sent, timeout=10)


async def handler(context):
    logging.getLogger("test").info("working")
    (context.work_dir / f"{SECRET}.txt").write_text("x")
    await sandbox.run(
        [shutil.which("true")], work_dir=context.work_dir, what=f"reading {SECRET}.mp4"
    )
    return JobSucceeded()


async def test_one_trace_from_call_to_child_and_back(house, collector):
    spec = house.spec()
    worker = await house.worker(handler)
    async with Room(house) as room:
        await room.submit(spec.job_id)
        await house.ended(spec.job_id, ["started", "succeeded"])
        await house.until(lambda: worker.running == 0)
    await asyncio.to_thread(tracing.flush)
    spans = {span.name: span for span in collector.of_trace(TRACE)}
    call = spans["beatstitch.v1.JobService/GetJob"]
    job, child = spans["job thumbnail_gen"], spans["child true"]
    assert call.parent_id == "b7ad6b7169203331"
    assert (job.parent_id, child.parent_id) == (call.span_id, job.span_id)
    assert {span.service for span in spans.values()} == {"beatstitch-test"}
    assert call.attributes["rpc.grpc.status_code"] == "0"
    assert call.attributes["beatstitch.request_id"] == f"r-{spec.job_id}"
    assert job.attributes["beatstitch.job_id"] == spec.job_id
    assert job.attributes["beatstitch.job_outcome"] == "succeeded"
    assert not any(span.failed for span in spans.values())
    assert not any(SECRET.encode() in raw for raw in collector.raw)
    # And back: the fact carries the job's span, for whoever applies it.
    info = await house.bus.js.stream_info(EVENTS)
    event = await house.bus.js.get_msg(EVENTS, info.state.last_seq)
    assert event.headers["traceparent"] == f"00-{TRACE}-{job.span_id}-01"


async def test_the_message_carries_the_context_in_its_headers(house):
    spec = house.spec(traceparent=CALLER)
    sequence = await publish_job(house.bus, spec, spec.job_id)
    assert (await house.bus.js.get_msg(JOBS, sequence)).headers["traceparent"] == CALLER
    other = house.spec(traceparent="line\r\nbreak: 1")
    sequence = await publish_job(house.bus, other, other.job_id)
    assert "traceparent" not in (await house.bus.js.get_msg(JOBS, sequence)).headers


async def test_a_refused_call_is_no_failure_of_ours_and_says_no_names(house, collector):
    async with Room(house) as room:
        with pytest.raises(grpc.aio.AioRpcError):
            await room.submit("wrong")
    await asyncio.to_thread(tracing.flush)
    (call,) = collector.of_trace(TRACE)
    assert call.attributes["rpc.grpc.status_code"] == "3"
    assert not call.failed
    assert not any(SECRET.encode() in raw for raw in collector.raw)


async def test_a_collector_that_is_away_harms_nobody(house):
    settings = house.settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9"})
    tracing.configure(settings, "test")
    try:
        spec = house.spec()
        await house.worker(handler)
        async with Room(house) as room:
            await room.submit(spec.job_id)
            await house.ended(spec.job_id, ["started", "succeeded"])
    finally:
        await asyncio.to_thread(tracing.shutdown)


async def test_log_lines_of_a_call_and_of_its_job_name_who_and_what(house, lines):
    spec = house.spec()
    worker = await house.worker(handler)
    async with Room(house) as room:
        await room.submit(spec.job_id)
        await house.ended(spec.job_id, ["started", "succeeded"])
        await house.until(lambda: worker.running == 0)
    (submitted,) = [line for line in lines if line["message"] == "submitted"]
    (working,) = [line for line in lines if line["message"] == "working"]
    (access,) = [line for line in lines if line["message"].endswith("GetJob OK")]
    both = {"tenant": "acme", "job_id": spec.job_id, "trace_id": TRACE}
    for line in (submitted, access):
        assert line | both | {"request_id": f"r-{spec.job_id}"} == line
    project_id = working["project_id"]
    assert len(project_id) == 36
    assert working | both | {"request_id": spec.job_id} == working
    in_job = [line for line in lines if line["message"] in {"job taken", "working", "job done"}]
    assert len(in_job) == 3
    for line in in_job:
        assert line | both | {"project_id": project_id} == line


async def test_calls_are_counted_by_methods_that_exist(house):
    page = MetricsServer("127.0.0.1", 0, ready=lambda: True)
    port = await page.start()
    method = {"grpc_service": "beatstitch.v1.JobService", "grpc_method": "GetJob"}
    try:
        async with Room(house) as room:
            before = await scrape_port(port)
            await room.submit(house.spec().job_id)
            with pytest.raises(grpc.aio.AioRpcError):
                await room.submit("wrong")
            for name in ("One", "Two"):
                unknown = room.channel.unary_unary(f"/made.up/{name}")
                with pytest.raises(grpc.aio.AioRpcError):
                    await unknown(b"", timeout=10)
            after = await scrape_port(port)
    finally:
        await page.stop()

    def grown(name, **labels):
        return after.get(name, **labels) - before.get(name, **labels)

    assert grown("beatstitch_rpc_handled_total", **method, grpc_code="OK") == 1
    assert grown("beatstitch_rpc_handled_total", **method, grpc_code="INVALID_ARGUMENT") == 1
    assert grown("beatstitch_rpc_duration_seconds_count", **method) == 2
    assert after.get("beatstitch_rpc_in_flight", **method) == 0
    lost = {"grpc_service": "unknown", "grpc_method": "unknown"}
    assert grown("beatstitch_rpc_handled_total", **lost, grpc_code="UNIMPLEMENTED") == 2
    assert not any("made.up" in labels.values() for _, labels, _ in after.samples)
