"""What a person waits for never waits behind a batch: with the very slots of each service."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch.v1 import job_pb2
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_analyzer.worker import slots as analyzer_slots
from beatstitch_renderer.settings import RendererSettings
from beatstitch_renderer.worker import slots as renderer_slots
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.subjects import QUEUED_TYPES, type_name
from beatstitch_runtime.jobs.worker import Slot, Worker
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_timeline.settings import TimelineServiceSettings
from beatstitch_timeline.worker import slots as timeline_slots

BATCH, INTERACTIVE = job_pb2.JOB_LANE_BATCH, job_pb2.JOB_LANE_INTERACTIVE
BATCH_JOBS = 200


def all_slots(shared: dict[str, object]) -> list[Slot]:
    return [
        *analyzer_slots(AnalyzerSettings(**shared)),
        *timeline_slots(TimelineServiceSettings(**shared)),
        *renderer_slots(RendererSettings(**shared, chunk_slots=2), "fingerprint"),
    ]


class Slow:
    """Batch work that takes a moment; notes the order in which jobs were begun."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.go_on = asyncio.Event()

    async def __call__(self, context) -> JobSucceeded:
        self.begun.append(context.spec.lane)
        if context.spec.lane == BATCH:
            await asyncio.sleep(0.02)
        return JobSucceeded()


@pytest.mark.parametrize("job_type", QUEUED_TYPES, ids=type_name)
async def test_one_interactive_job_passes_two_hundred_of_the_batch(house, job_type):
    shared = {name: getattr(house.settings, name) for name in ServiceSettings.model_fields}
    slow = Slow()
    slots = [replace(s, handler=slow) for s in all_slots(shared) if s.type == job_type]
    assert {slot.lane for slot in slots} == {BATCH, INTERACTIVE}
    for number in range(BATCH_JOBS):
        await publish_job(house.bus, house.spec(job_type), f"{number}")
    bus = await Bus.connect(house.settings)
    worker = Worker(bus, house.storage, house.settings, slots)
    await worker.start()
    await house.until(lambda: len(slow.begun) >= 5)
    before = len(slow.begun)
    urgent = house.spec(job_type, lane=INTERACTIVE)
    await publish_job(house.bus, urgent, urgent.job_id)
    await house.until(lambda: INTERACTIVE in slow.begun)
    passed = len(slow.begun) - before
    await worker.drain(0)
    await bus.close()
    # Of those that waited: a few were begun while its message was on the way.
    assert passed < BATCH_JOBS // 4, passed
    assert slow.begun.count(BATCH) < BATCH_JOBS - 50
