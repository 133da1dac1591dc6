"""Hearing of cancelled jobs, also of those that are not in hand yet.

One subscription for the whole worker, made before it asks for the first job: a cancellation that
comes between the delivery of a message and the start of its job is remembered, not missed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.subjects import CANCEL_SUBJECTS

log = logging.getLogger(__name__)

REMEMBERED = 10_000


class Cancellations:
    """The ids of the jobs cancelled lately; `on_cancel` is called for each as it comes."""

    def __init__(self, bus: Bus, on_cancel: Callable[[str], None]) -> None:
        self._bus = bus
        self._on_cancel = on_cancel
        self._known: OrderedDict[str, None] = OrderedDict()
        self._sub: Subscription | None = None

    async def start(self) -> None:
        """Listen; returns when the server knows."""
        self._sub = await self._bus.nc.subscribe(CANCEL_SUBJECTS, cb=self._receive)
        await self._bus.nc.flush(timeout=5)

    async def close(self) -> None:
        """Listen no more."""
        sub, self._sub = self._sub, None
        if sub is not None:
            try:
                await sub.unsubscribe()
            except nats.errors.Error as error:
                log.debug("could not unsubscribe: %r", error)

    def __contains__(self, job_id: object) -> bool:
        """Whether this job was cancelled."""
        return job_id in self._known

    async def _receive(self, msg: Msg) -> None:
        job_id = msg.subject.rpartition(".")[2]
        self._known[job_id] = None
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        self._on_cancel(job_id)
