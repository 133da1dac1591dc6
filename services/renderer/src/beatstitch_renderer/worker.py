"""What this service takes from the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import job_pb2
from beatstitch_renderer.cache import InputCache
from beatstitch_renderer.chunk import ChunkRenderer
from beatstitch_renderer.coordinator import RenderCoordinator
from beatstitch_runtime.jobs.places import Places
from beatstitch_runtime.jobs.worker import Slot

if TYPE_CHECKING:
    from beatstitch_renderer.settings import RendererSettings

_LANES = (job_pb2.JOB_LANE_INTERACTIVE, job_pb2.JOB_LANE_BATCH)
_RENDERS = (job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_TYPE_RENDER_FINAL)
# For downloads before the child's own time begins.
_FETCH_S = 600.0


def slots(settings: RendererSettings, fingerprint: str) -> list[Slot]:
    """Coordinators and pieces apart, so that renders can't starve the pieces that they wait for.

    Pieces of both lanes share the machine's cores: interactive ones go first.
    """
    cache = InputCache(settings.cache_dir(), settings.input_cache_bytes)
    coordinator = RenderCoordinator(settings, cache, fingerprint)
    chunks = ChunkRenderer(settings, cache, fingerprint)
    places = Places(max(1, settings.chunk_slots))
    found = []
    for lane in _LANES:
        if settings.coordinator_slots:
            found += [
                Slot(
                    type=kind,
                    lane=lane,
                    handler=coordinator.run,
                    concurrency=settings.coordinator_slots,
                    timeout_s=settings.render_timeout_s,
                )
                for kind in _RENDERS
            ]
        if settings.chunk_slots:
            found.append(
                Slot(
                    type=job_pb2.JOB_TYPE_RENDER_CHUNK,
                    lane=lane,
                    handler=chunks.run,
                    concurrency=settings.chunk_slots,
                    timeout_s=settings.chunk_timeout_s + _FETCH_S,
                    places=places,
                    stands_back=lane == job_pb2.JOB_LANE_BATCH,
                )
            )
    return found
