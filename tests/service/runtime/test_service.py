"""A whole service, in this process and as one of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import job_service_pb2_grpc as jobs_grpc
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.worker import Slot, Worker
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.service import Service, run
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

PROGRAM = """
import asyncio
from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import job_pb2
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.worker import Slot, Worker
from beatstitch_runtime.rpc.server import RpcServer
from beatstitch_runtime.service import Service, run_main
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

async def handle(context):
    print("TAKEN", flush=True)
    await asyncio.sleep(float(context.spec.traceparent))
    return JobSucceeded()

async def build(settings):
    bus = await Bus.connect(settings)
    slot = Slot(
        type=job_pb2.JOB_TYPE_THUMBNAIL_GEN, lane=job_pb2.JOB_LANE_BATCH, handler=handle,
        concurrency=1, timeout_s=60,
    )
    return Service(
        settings=settings,
        rpc=RpcServer(settings, servicers=[]),
        worker=Worker(bus, Storage.from_settings(settings), settings, [slot]),
        closers=[bus.close],
    )

run_main(build, ServiceSettings())
"""


class Program:
    """The program above as a child; killed with the test whatever happens."""

    def __init__(self, house, **options):
        env = {
            **os.environ,
            "BEATSTITCH_NATS_URL": house.server.url,
            "BEATSTITCH_ACK_WAIT_S": "2",
            "BEATSTITCH_HEARTBEAT_S": "0.4",
            "BEATSTITCH_WORK_DIR": str(house.settings.work_dir),
            **{f"BEATSTITCH_{key.upper()}": str(value) for key, value in options.items()},
        }
        command = [sys.executable, "-W", "error", "-c", PROGRAM]
        self.child = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""

    async def read_until(self, word):
        def read():
            while word not in self.output:
                line = self.child.stdout.readline()
                assert line, self.output
                self.output += line

        await asyncio.wait_for(asyncio.to_thread(read), 20)

    async def ended(self):
        rest, _ = await asyncio.to_thread(self.child.communicate, timeout=15)
        self.output += rest
        return self.child.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


async def test_sigterm_lets_the_job_end(house):
    with Program(house) as program:
        await program.read_until("serving")
        spec = house.spec(traceparent="0.5")
        await publish_job(house.bus, spec, spec.job_id)
        await program.read_until("TAKEN")
        program.child.send_signal(signal.SIGTERM)
        assert await program.ended() == 0, program.output
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert '"message": "ended"' in program.output
    assert spec.job_id in program.output
    assert not list(house.settings.work_dir.iterdir())


async def test_sigterm_with_a_short_grace_hands_the_job_back(house):
    with Program(house, drain_grace_s=0.2) as program:
        await program.read_until("serving")
        spec = house.spec(traceparent="50")
        await publish_job(house.bus, spec, spec.job_id)
        await program.read_until("TAKEN")
        # ended() does not wait for the 50 seconds of the job.
        program.child.send_signal(signal.SIGTERM)
        assert await program.ended() == 0, program.output

    async def handler(_context):
        return JobSucceeded()

    await house.worker(handler)
    await house.ended(spec.job_id, ["started", "handed_back", "started", "succeeded"])


async def test_a_second_signal_ends_the_grace(house):
    with Program(house) as program:
        await program.read_until("serving")
        spec = house.spec(traceparent="50")
        await publish_job(house.bus, spec, spec.job_id)
        await program.read_until("TAKEN")
        program.child.send_signal(signal.SIGTERM)
        await program.read_until("draining")
        program.child.send_signal(signal.SIGTERM)
        assert await program.ended() == 0, program.output


async def test_a_killed_worker_process_leaves_nothing_for_long(house):
    with Program(house) as program:
        await program.read_until("serving")
        spec = house.spec(traceparent="50")
        await publish_job(house.bus, spec, spec.job_id)
        await program.read_until("TAKEN")
    assert list(house.settings.work_dir.iterdir())  # killed: nobody tidied up

    async def handler(context):
        assert context.delivery == 2
        return JobSucceeded()

    await house.worker(handler)
    await house.ended(spec.job_id, ["started", "started", "succeeded"])
    assert len(list(house.settings.work_dir.iterdir())) == 1  # the live worker's own


def service_on(house, bus, **parts):
    settings = house.settings.model_copy(update={"drain_grace_s": 1.0})
    name = "beatstitch.v1.JobService"
    add = jobs_grpc.add_JobServiceServicer_to_server
    servicers = [Servicer(add, jobs_grpc.JobServiceServicer(), name)]
    rpc = RpcServer(settings, servicers=servicers)
    return Service(settings=settings, rpc=rpc, closers=[bus.close], **parts)


async def test_a_failed_background_task_ends_the_service(house):
    closed = []

    async def relay():
        await asyncio.sleep(0.05)
        raise RuntimeError("the relay broke")

    async def close():
        closed.append(1)

    bus = await Bus.connect(house.settings)
    service = service_on(house, bus, background=[relay])
    service.closers = [bus.close, close]
    with pytest.raises(RuntimeError, match="the relay broke"):
        await asyncio.wait_for(run(service), 10)
    assert closed
    assert bus.closed


async def test_a_service_that_cannot_start_closes_what_it_opened(house):
    other = RpcServer(house.settings, servicers=[])
    port = await other.start()
    bus = await Bus.connect(house.settings)
    service = service_on(house, bus)
    service.rpc = RpcServer(ServiceSettings(grpc_port=port), servicers=[])
    with pytest.raises(RuntimeError):
        await run(service)
    assert bus.closed
    await other.stop(0)


async def test_start_and_stop_in_one_process(house):
    async def handler(_context):
        return JobSucceeded()

    bus = await Bus.connect(house.settings)
    spec = house.spec()
    slot = Slot(type=spec.type, lane=spec.lane, handler=handler, concurrency=1, timeout_s=5)
    worker = Worker(bus, Storage.from_settings(house.settings), house.settings, [slot])
    service = service_on(house, bus, worker=worker)
    assert await service.start() == service.port > 0
    await publish_job(house.bus, spec, spec.job_id)
    await house.ended(spec.job_id, ["started", "succeeded"])
    await service.stop()
    assert bus.closed
