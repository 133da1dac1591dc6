"""The streams and consumers at a service's start, and when somebody misses them later."""

from __future__ import annotations

import asyncio
import logging
import time

import nats.errors
from nats.errors import NoRespondersError
from nats.js.errors import ServiceUnavailableError

from beatstitch_runtime.bus import Bus, nats_down
from beatstitch_runtime.jobs.topology import ensure_topology

AWAIT_PAUSE_S = 1.0
RESTORE_PAUSE_S = 1.0

log = logging.getLogger(__name__)


async def await_topology(bus: Bus) -> None:
    """`ensure_topology` for a service that starts, perhaps before JetStream does.

    A cluster of which only one node is up takes connections and answers nothing.

    Raises:
        BeatStitchError: DEPENDENCY_DOWN: no answer for `nats_connect_timeout_s`.
    """
    ends = time.monotonic() + bus.settings.nats_connect_timeout_s
    while True:
        try:
            await ensure_topology(bus.js, bus.settings)
        except (TimeoutError, NoRespondersError, ServiceUnavailableError) as error:
            if time.monotonic() + AWAIT_PAUSE_S > ends:
                raise nats_down("JetStream doesn't answer") from error
            log.warning("waiting for JetStream: %r", error)
            await asyncio.sleep(AWAIT_PAUSE_S)
        else:
            return


async def restore_topology(bus: Bus) -> bool:
    """`ensure_topology` for somebody who found a stream or a consumer missing.

    Of all the callers in a process one does it, at most once a second; none of them raises.

    Returns:
        Whether the streams and consumers are there now; False where others make them.
    """
    if bus.settings.nats_narrow_rights:
        return False
    async with bus.restoring:
        if time.monotonic() - bus.restored_at < RESTORE_PAUSE_S:
            return True
        try:
            await ensure_topology(bus.js, bus.settings)
        except (nats.errors.Error, TimeoutError) as error:
            log.warning("the streams can't be made now: %r", error)
            return False
        bus.restored_at = time.monotonic()
        return True
