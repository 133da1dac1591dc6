"""What Prometheus reads of a real worker on a real queue."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest
from support.scrape import get, scrape_port

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.worker import Slot, Worker
from beatstitch_runtime.metrics.observers import Observers
from beatstitch_runtime.metrics.queues import Queues
from beatstitch_runtime.metrics.server import MetricsServer
from beatstitch_runtime.rpc.server import RpcServer
from beatstitch_runtime.service import Service
from beatstitch_runtime.storage import Storage
from beatstitch_stack.ports import free_port

LABELS = {"type": "thumbnail_gen", "lane": "batch"}


@asynccontextmanager
async def serving(house, handler=None, **options):
    """A service with a metrics page, and a worker if there is something to do."""
    settings = house.settings.model_copy(update={"metrics_port": free_port(), **options})
    bus = await Bus.connect(settings)
    worker = None
    if handler is not None:
        spec = house.spec()
        slot = Slot(type=spec.type, lane=spec.lane, handler=handler, concurrency=2, timeout_s=30)
        worker = Worker(bus, Storage.from_settings(settings), settings, [slot])
    rpc = RpcServer(settings, servicers=[])
    observers = [Queues(bus)]
    service = Service(
        settings=settings, rpc=rpc, worker=worker, closers=[bus.close], observers=observers
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop(5)


async def page(service, path):
    return await asyncio.to_thread(get, f"http://127.0.0.1:{service.metrics_port}{path}")


async def test_a_job_is_counted_once_with_its_times(house):
    async def handler(_context):
        await asyncio.sleep(0.05)
        return JobSucceeded()

    async with serving(house, handler) as service:
        before = await scrape_port(service.metrics_port)
        assert before.get("beatstitch_job_slots", **LABELS) == 2
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        await house.ended(spec.job_id, ["started", "succeeded"])
        await house.until(lambda: service.worker.running == 0)
        after = await scrape_port(service.metrics_port)

    def grown(name, **labels):
        return after.get(name, **LABELS, **labels) - before.get(name, **LABELS, **labels)

    assert grown("beatstitch_job_runs_total") == 1
    assert grown("beatstitch_job_runs_total", outcome="succeeded") == 1
    assert grown("beatstitch_job_wait_seconds_count") == 1
    assert 0 <= grown("beatstitch_job_wait_seconds_sum") < 10
    assert grown("beatstitch_job_run_seconds_sum", outcome="succeeded") >= 0.05
    assert grown("beatstitch_job_redeliveries_total") == 0
    assert after.get("beatstitch_jobs_running", **LABELS) == 0
    assert after.get("process_resident_memory_bytes") > 1_000_000


async def test_a_retry_is_a_retry_and_a_redelivery(house):
    async def handler(context):
        if context.delivery == 1:
            raise BeatStitchError(failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, "away")
        raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "broken")

    async with serving(house, handler) as service:
        before = await scrape_port(service.metrics_port)
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        await house.ended(spec.job_id, ["started", "started", "failed"])
        await house.until(lambda: service.worker.running == 0)
        after = await scrape_port(service.metrics_port)

    def grown(name, **labels):
        return after.get(name, **labels) - before.get(name, **labels)

    assert grown("beatstitch_job_runs_total", outcome="retried", **LABELS) == 1
    assert grown("beatstitch_job_runs_total", outcome="failed", **LABELS) == 1
    assert grown("beatstitch_job_redeliveries_total", **LABELS) == 1
    assert grown("beatstitch_job_wait_seconds_count", **LABELS) == 1
    for reason in ("DEPENDENCY_DOWN", "INPUT_CORRUPT"):
        assert grown("beatstitch_job_failures_total", type="thumbnail_gen", reason=reason) == 1


async def test_depth_and_age_rise_with_queued_jobs_and_fall_with_done_ones(house):
    async with serving(house) as service:
        empty = await scrape_port(service.metrics_port)
        assert empty.get("beatstitch_queue_depth") == 0
        assert empty.get("beatstitch_queue_oldest_age_seconds") == 0
        for _ in range(3):
            spec = house.spec()
            await publish_job(house.bus, spec, spec.job_id)
        await asyncio.sleep(1.1)  # older than a second, and the last answer is too
        full = await scrape_port(service.metrics_port)
        assert full.get("beatstitch_queue_depth", **LABELS) == 3
        assert full.get("beatstitch_queue_depth") == 3
        assert 1 <= full.get("beatstitch_queue_oldest_age_seconds", **LABELS) < 60
        assert full.get("beatstitch_stream_messages", stream="JOBS") == 3
        limit = full.get("beatstitch_stream_limit_messages", stream="JOBS")
        assert limit == house.settings.jobs_max_messages

        release = asyncio.Event()

        async def handler(_context):
            await release.wait()
            return JobSucceeded()

        await house.worker(handler)
        observers = Observers([Queues(house.bus)], pause_s=0)
        await house.until(lambda: house.workers[0].running == 1)
        await observers.refresh()
        taken = await scrape_port(service.metrics_port)
        assert taken.get("beatstitch_queue_depth", **LABELS) == 2
        assert taken.get("beatstitch_queue_handed_out", **LABELS) == 1
        release.set()

        async def done():
            return await house.queued() == 0

        await house.until(done)
        await observers.refresh()
        end = await scrape_port(service.metrics_port)
        assert end.get("beatstitch_queue_depth") == 0
        assert end.get("beatstitch_queue_handed_out") == 0
        assert end.get("beatstitch_queue_oldest_age_seconds") == 0


async def test_a_paused_retry_is_not_the_oldest_that_waits(house):
    """Its message lies before the others, but it had its hand-out."""

    async def handler(_context):
        raise BeatStitchError(failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, "", retry_after_s=30)

    worker = await house.worker(handler)
    spec = house.spec()
    await publish_job(house.bus, spec, spec.job_id)

    async def paused():
        return await house.pending_acks() == 1 and worker.running == 0

    await house.until(paused)
    await worker.drain(0)
    async with serving(house) as service:
        found = await scrape_port(service.metrics_port)
        assert found.get("beatstitch_queue_depth") == 0
        assert found.get("beatstitch_queue_oldest_age_seconds") == 0
        assert found.get("beatstitch_queue_handed_out", **LABELS) == 1
        await asyncio.sleep(1.1)
        younger = house.spec()
        await publish_job(house.bus, younger, younger.job_id)
        published = time.monotonic()
        found = await scrape_port(service.metrics_port)
        age = found.get("beatstitch_queue_oldest_age_seconds", **LABELS)
        assert 0 < age < time.monotonic() - published + 1  # that of the younger one
        assert found.get("beatstitch_queue_depth", **LABELS) == 1


async def test_without_nats_the_page_answers_and_tells_no_old_numbers(house):
    async with serving(house) as service:
        assert (await scrape_port(service.metrics_port)).has("beatstitch_queue_depth")
        await asyncio.to_thread(house.server.stop)
        await asyncio.sleep(1.1)
        found = await scrape_port(service.metrics_port)
        assert not found.has("beatstitch_queue_depth")
        assert found.get("beatstitch_observer_failures_total", observer="queues") >= 1
        assert (await page(service, "/livez"))[0] == 200
        await asyncio.to_thread(house.server.start)


async def test_ready_only_while_it_serves(house):
    release = asyncio.Event()

    async def handler(_context):
        await release.wait()
        return JobSucceeded()

    async with serving(house, handler) as service:
        assert await page(service, "/readyz") == (200, "ready\n")
        spec = house.spec()
        await publish_job(house.bus, spec, spec.job_id)
        await house.until(lambda: service.worker.running == 1)
        stopping = asyncio.create_task(service.stop(20))
        await house.until(lambda: not service._serving)
        assert await page(service, "/readyz") == (503, "not ready\n")
        assert await page(service, "/livez") == (200, "alive\n")
        drained = await scrape_port(service.metrics_port)  # a drain can be watched to its end
        assert drained.get("beatstitch_jobs_running", **LABELS) == 1
        release.set()
        await stopping
        with pytest.raises(OSError, match="refused"):
            await page(service, "/livez")


async def test_no_port_no_page(house):
    async with serving(house, metrics_port=0) as service:
        assert service.metrics_port == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n", b"200"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200"),
        (b"GET /metrics?name[]=x HTTP/1.1\r\n\r\n", b"200"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", b"405"),
        (b"GET /" + b"x" * 100_000, b""),
        (b"", b""),
    ],
)
async def test_the_page_stands_what_comes(sent, status):
    server = MetricsServer("127.0.0.1", 0, ready=lambda: True)
    port = await server.start()
    try:

        def talk():
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                try:
                    client.sendall(sent)
                    client.shutdown(socket.SHUT_WR)
                    answer = b""
                    while part := client.recv(65536):
                        answer += part
                except (ConnectionResetError, BrokenPipeError):
                    return b""
                return answer

        answer = await asyncio.to_thread(talk)
        assert answer[9:12] == status
        if sent.startswith(b"HEAD"):
            assert answer.endswith(b"\r\n\r\n")
        if b"openmetrics" in sent:
            assert b"openmetrics-text" in answer
            assert answer.endswith(b"# EOF\n")
        assert (await asyncio.to_thread(get, f"http://127.0.0.1:{port}/livez"))[0] == 200
    finally:
        await server.stop()
