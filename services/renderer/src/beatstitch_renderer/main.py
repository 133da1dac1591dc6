"""Wiring of the renderer, and nothing else."""

from __future__ import annotations

import asyncio

from beatstitch.internal.v1.renderer_engine_service_pb2_grpc import (
    add_RendererEngineServiceServicer_to_server,
)
from beatstitch_renderer.cache import InputCache
from beatstitch_renderer.fingerprint import renderer_fingerprint
from beatstitch_renderer.frames import Frames
from beatstitch_renderer.rpc import SERVICE_NAME, RendererEngine
from beatstitch_renderer.settings import RendererSettings
from beatstitch_renderer.worker import slots
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.worker import Worker
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.service import Service, run_main
from beatstitch_runtime.storage import Storage


async def build(settings: RendererSettings) -> Service:
    """The service, connected and not yet started."""
    fingerprint = await asyncio.to_thread(renderer_fingerprint)
    storage = Storage.from_settings(settings)
    bus = await Bus.connect(settings)
    cache = InputCache(settings.cache_dir(), settings.input_cache_bytes)
    frames = Frames(settings, cache, storage)
    engine = RendererEngine(storage, fingerprint, frames)
    add = add_RendererEngineServiceServicer_to_server
    return Service(
        settings=settings,
        rpc=RpcServer(settings, servicers=[Servicer(add, engine, SERVICE_NAME)]),
        worker=Worker(bus, storage, settings, slots(settings, fingerprint)),
        closers=[bus.close, frames.close],
    )


def main() -> None:
    """Serves until SIGTERM."""
    run_main(build, RendererSettings())
