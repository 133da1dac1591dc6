"""What `make shell-worker` starts with: what a worker of the running `make dev` holds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

T = TypeVar("T")

runner = asyncio.Runner()


def run(work: Coroutine[None, None, T]) -> T:
    """Runs a coroutine to its end."""
    return runner.run(work)


settings = ServiceSettings()
storage = Storage.from_settings(settings)
bus = run(Bus.connect(settings))
print("settings, storage (S3), bus (NATS: bus.nc, bus.js), run(coroutine)")
print("try: run(bus.js.stream_info('JOBS')).state   run(storage.exists('some/key'))")
