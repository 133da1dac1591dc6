"""Wiring of the timeline service, and nothing else."""

from __future__ import annotations

from beatstitch.internal.v1.timeline_engine_service_pb2_grpc import (
    add_TimelineEngineServiceServicer_to_server,
)
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.worker import Worker
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.service import Service, run_main
from beatstitch_runtime.storage import Storage
from beatstitch_timeline.rpc import SERVICE_NAME, TimelineEngine
from beatstitch_timeline.settings import TimelineServiceSettings
from beatstitch_timeline.worker import slots


async def build(settings: TimelineServiceSettings) -> Service:
    """The service, connected and not yet started."""
    bus = await Bus.connect(settings)
    engine = TimelineEngine(settings.limits())
    add = add_TimelineEngineServiceServicer_to_server
    return Service(
        settings=settings,
        rpc=RpcServer(settings, servicers=[Servicer(add, engine, SERVICE_NAME)]),
        worker=Worker(bus, Storage.from_settings(settings), settings, slots(settings)),
        closers=[bus.close],
    )


def main() -> None:
    """Serves until SIGTERM."""
    run_main(build, TimelineServiceSettings())
