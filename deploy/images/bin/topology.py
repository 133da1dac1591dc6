"""Makes the streams and consumers, before anything that scales by them exists. Safe to repeat."""

from __future__ import annotations

import asyncio

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.topology import ensure_topology
from beatstitch_runtime.settings import ServiceSettings


async def make(settings: ServiceSettings) -> None:
    """Brings the NATS of the settings to the declared shape.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN, NATS didn't answer.
        nats.errors.Error: NATS refused a stream.
    """
    bus = await Bus.connect(settings)
    try:
        await ensure_topology(bus.js, settings)
    finally:
        await bus.close()


if __name__ == "__main__":
    asyncio.run(make(ServiceSettings()))
