"""The job TIMELINE_BUILD: fetch the grid, build, apply edits, store the EDL under its hash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded, TimelineBuildOutput
from beatstitch.v1 import job_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.keys import artefact_key
from beatstitch_core.stored_documents import read_stored
from beatstitch_runtime.jobs.worker import Slot
from beatstitch_timeline.builder import build

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import JobSpec
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch_runtime.jobs.worker import JobContext
    from beatstitch_timeline.builder import Built
    from beatstitch_timeline.settings import TimelineServiceSettings

LANES = (job_pb2.JOB_LANE_INTERACTIVE, job_pb2.JOB_LANE_BATCH)


def slots(settings: TimelineServiceSettings) -> list[Slot]:
    """What this service takes from the queue: timeline builds of both lanes."""
    builder = TimelineBuilder(settings.limits())
    return [
        Slot(
            type=job_pb2.JOB_TYPE_TIMELINE_BUILD,
            lane=lane,
            handler=builder.run,
            concurrency=settings.timeline_slots,
            timeout_s=settings.timeline_timeout_s,
        )
        for lane in LANES
    ]


class TimelineBuilder:
    """Handles TIMELINE_BUILD jobs."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def run(self, context: JobContext) -> JobSucceeded:
        """Builds and stores the EDL; the stored object's sha256 is the edl_hash.

        Raises:
            BeatStitchError: As `build` does; OBJECT_MISSING or DEPENDENCY_DOWN from storage.
        """
        spec = context.spec
        stored_grid = spec.timeline_build.beat_grid
        data = await context.storage.get(stored_grid.key)
        grid = read_stored(data, stored_grid, BeatGrid(), "beat grid")
        await context.progress(30, "building")
        # A long song's timeline takes a second of plain computing: not on the loop that heartbeats.
        built = await asyncio.to_thread(build_spec, spec, grid, self._limits)
        data = await asyncio.to_thread(canonical_json, built.edl)
        key = artefact_key(spec.key_prefix, "edl", sha256_hex(data), ".json")
        stored = await context.storage.put(key, data)
        output = TimelineBuildOutput(
            edl=stored,
            segment_count=len(built.edl.segments),
            overlay=built.overlay,
            dropped_edits=built.dropped,
        )
        return JobSucceeded(timeline_build=output)


def build_spec(spec: JobSpec, grid: BeatGrid, limits: Limits) -> Built:
    """The spec's EDL with its edits, held against all invariants."""
    order = spec.timeline_build
    return build(
        spec.project_id,
        order.audio,
        grid,
        order.media,
        order.settings,
        overlay=order.overlay,
        edit_media=order.edit_media,
        watermark=order.watermark if order.HasField("watermark") else None,
        limits=limits,
    )
