"""Wiring of the analyzer, and nothing else."""

from __future__ import annotations

import asyncio

from beatstitch.internal.v1.analyzer_engine_service_pb2_grpc import (
    add_AnalyzerEngineServiceServicer_to_server,
)
from beatstitch_analyzer.fingerprint import ingest_fingerprint
from beatstitch_analyzer.rpc import SERVICE_NAME, AnalyzerEngine
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_analyzer.worker import slots
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.worker import Worker
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.service import Service, run_main
from beatstitch_runtime.storage import Storage


async def build(settings: AnalyzerSettings) -> Service:
    """The service, connected and not yet started."""
    await asyncio.to_thread(ingest_fingerprint)  # asks ffmpeg for its build, once
    storage = Storage.from_settings(settings)
    bus = await Bus.connect(settings)
    engine = AnalyzerEngine(storage, settings)
    add = add_AnalyzerEngineServiceServicer_to_server
    return Service(
        settings=settings,
        rpc=RpcServer(settings, servicers=[Servicer(add, engine, SERVICE_NAME)]),
        worker=Worker(bus, storage, settings, slots(settings)),
        closers=[bus.close],
    )


def main() -> None:
    """Serves until SIGTERM."""
    run_main(build, AnalyzerSettings())
