"""Asking a pull consumer for one message at a time, losing none.

nats-py's `fetch` loses its whole timeout when the server restarts, and a message that comes while
nobody waits lies in the client's buffer until its lease is over. Here a request ends at once when
the connection came back, and a message that nobody waits for goes straight back to the consumer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import api

from beatstitch_runtime.bus import Bus

log = logging.getLogger(__name__)

# The server answers an expired request itself; this is for answers that got lost.
MARGIN_S = 0.5
_NOTHING = frozenset({"404", "408"})
_HEARTBEAT = "100"


class PullRefused(Exception):  # noqa: N818
    """The server won't hand out messages: the consumer is gone, or moving to another leader."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A message and when it came, by `time.monotonic`."""

    msg: Msg
    arrived: float


class Puller:
    """One slot's requests to one durable consumer."""

    def __init__(self, bus: Bus, stream: str, consumer: str, expires_s: float) -> None:
        self._bus = bus
        self._request_subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._expires_s = expires_s
        self._inbox = ""
        self._number = 0
        self._waiter: asyncio.Future[Pulled | None] | None = None
        self._closed = False
        self._sub: Subscription | None = None
        self._forget_reconnect = bus.on_reconnect(self._wake)

    async def start(self) -> None:
        """Listen for what the consumer sends."""
        self._inbox = self._bus.nc.new_inbox()
        self._sub = await self._bus.nc.subscribe(f"{self._inbox}.*", cb=self._receive)

    async def next(self) -> Pulled | None:
        """Ask for one message; None when there was none, or when there is nobody to ask.

        Raises:
            PullRefused: The consumer is missing or refuses.
        """
        if self._closed:
            return None
        if not await self._bus.wait_connected(self._expires_s):
            if self._bus.closed:
                raise PullRefused("the connection is closed")
            return None
        # The subject of a status names the request it answers, so a late one is known as such.
        self._number += 1
        waiter: asyncio.Future[Pulled | None] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        request = {"batch": 1, "expires": int(self._expires_s * 1e9)}
        try:
            await self._bus.nc.publish(
                self._request_subject, json.dumps(request).encode(), reply=self._reply_subject
            )
            await asyncio.wait({waiter}, timeout=self._expires_s + MARGIN_S)
        except nats.errors.Error as error:
            raise PullRefused(repr(error)) from error
        except asyncio.CancelledError:
            await self._return_unwanted(waiter)
            raise
        finally:
            self._waiter = None
        return waiter.result() if waiter.done() else None

    def stop(self) -> None:
        """Let `next` return now, and give back all that comes later."""
        self._closed = True
        self._wake()

    async def close(self) -> None:
        """Stop, and return when the server sends nothing more."""
        self.stop()
        self._forget_reconnect()
        sub, self._sub = self._sub, None
        if sub is None:
            return
        try:
            # Unlike unsubscribe(), drain() still hears what was on its way.
            async with asyncio.timeout(2):
                await sub.drain()  # type: ignore[no-untyped-call]
        except (nats.errors.Error, TimeoutError):
            log.debug("a subscription could not be drained; NATS is away")

    @property
    def _reply_subject(self) -> str:
        return f"{self._inbox}.{self._number}"

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _receive(self, msg: Msg) -> None:
        waiter = self._waiter
        status = (msg.headers or {}).get(api.Header.STATUS.value)
        if status is not None and not msg.reply:
            if waiter is not None and msg.subject == self._reply_subject and not waiter.done():
                self._take_status(waiter, status, msg)
            return
        if waiter is None or waiter.done() or self._closed:
            await _give_back(msg)
            return
        waiter.set_result(Pulled(msg, time.monotonic()))

    def _take_status(self, waiter: asyncio.Future[Pulled | None], status: str, msg: Msg) -> None:
        if status == _HEARTBEAT:
            return
        if status in _NOTHING:
            waiter.set_result(None)
            return
        text = (msg.headers or {}).get(api.Header.DESCRIPTION.value, "")
        waiter.set_exception(PullRefused(f"{status} {text}".strip()))

    async def _return_unwanted(self, waiter: asyncio.Future[Pulled | None]) -> None:
        if not waiter.done():
            waiter.cancel()
            return
        if waiter.exception() is None and (pulled := waiter.result()) is not None:
            await _give_back(pulled.msg)


async def _give_back(msg: Msg) -> None:
    try:
        await msg.nak()
    except nats.errors.Error as error:
        log.debug("a message could not be given back, its lease will run out: %r", error)
