"""Takes messages from one of the gateway's durable consumers, for ever.

A message is acknowledged when its handler is done, so a replica that dies leaves it to the others.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg

from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.puller import Puller, PullRefused
from beatstitch_runtime.jobs.topology_upkeep import restore_topology
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

RETRY_S = 1.0
BROKEN_RETRY_S = 10.0
# What can't be handled after so many tries won't be: the reconciler finds its job.
MOST_DELIVERIES = 20

Handle = Callable[[Msg], Awaitable[None]]


async def pull_forever(bus: Bus, stream: str, consumer: str, handle: Handle) -> None:
    """Hands messages to `handle`, one after the other, until it is cancelled."""
    puller = Puller(bus, stream, consumer, bus.settings.fetch_s)
    await puller.start()
    try:
        while True:
            stop_if_cancelled()
            try:
                pulled = await puller.next()
            except PullRefused as error:
                log.warning("%s: %s", consumer, error)
                await restore_topology(bus)
                await asyncio.sleep(random.uniform(0.1, RETRY_S))  # noqa: S311
                continue
            if pulled is not None:
                await _handle(pulled.msg, handle)
    finally:
        await puller.close()


async def _handle(message: Msg, handle: Handle) -> None:
    try:
        await handle(message)
    except DecodeError:
        log.exception("unreadable message on %s is dropped", message.subject)
    except BeatStitchError as error:
        log.warning("%s waits: %s", message.subject, error)
        await _later(message, RETRY_S)
        return
    except Exception:
        log.exception("%s could not be handled", message.subject)
        if message.metadata.num_delivered < MOST_DELIVERIES:
            await _later(message, BROKEN_RETRY_S)
            return
    try:
        await message.ack()
    except nats.errors.Error as error:
        log.info("an ack got lost, the message comes again: %r", error)


async def _later(message: Msg, delay_s: float) -> None:
    try:
        await message.nak(delay=delay_s)
    except nats.errors.Error as error:
        log.info("a nak got lost, the message comes again by itself: %r", error)
