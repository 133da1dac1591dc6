"""Numbers that somebody has to ask for: when Prometheus asks, and not more often than that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from beatstitch_runtime.metrics.declare import counter

log = logging.getLogger(__name__)

# Two Prometheus servers, or a person with curl, cost the servers no more than one.
PAUSE_S = 1.0
TIMEOUT_S = 4.0

_failures = counter(
    "beatstitch_observer_failures_total",
    "Times that numbers could not be asked for; their series are missing then.",
    ("observer",),
)


class Observer(Protocol):
    """Someone who asks.

    Attributes:
        name: How metrics and logs call it.
    """

    name: str

    async def refresh(self) -> None:
        """Ask, and set the gauges."""

    def forget(self) -> None:
        """Clear the gauges: what they say is no longer known."""


class Observers:
    """All of a service's observers, asked side by side and one round at a time."""

    def __init__(self, observers: Sequence[Observer], *, pause_s: float = PAUSE_S) -> None:
        self._observers = tuple(observers)
        self._pause_s = pause_s
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Bring all gauges up to date; whoever doesn't answer in time is left out."""
        async with self._lock:
            if time.monotonic() - self._asked < self._pause_s:
                return
            await asyncio.gather(*(_ask(observer) for observer in self._observers))
            self._asked = time.monotonic()


async def _ask(observer: Observer) -> None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await observer.refresh()
    except Exception as error:  # noqa: BLE001 - a scrape tells what it can
        _failures.labels(observer.name).inc()
        observer.forget()
        log.info("no numbers of the %s: %r", observer.name, error)
