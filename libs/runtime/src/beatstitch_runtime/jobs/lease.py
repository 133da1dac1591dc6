"""The right to work on a message: kept by signs of life, settled once.

An ack or a nak names the message, not the delivery, so one that comes late hits whoever holds the
message by then. A late ack is harmless, for the terminal event is stored before it. A late nak
would take the message from its new holder: after a gap longer than ack_wait none is sent. And when
all of NATS' data was lost, the same sequence may be another job's message: then nothing is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import datetime, timedelta

import nats.errors
from nats.js.errors import NotFoundError

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.puller import Pulled
from beatstitch_runtime.jobs.subjects import JOBS
from beatstitch_runtime.tasks import stop_if_cancelled

log = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 2.0
PAUSE_S = 0.2
# Why a worker ends a message for good, in nats-server's advisory.
UNREADABLE = "unreadable"
# A stream's time of creation and a message's time may be taken by two servers' clocks.
CLOCK_SLACK = timedelta(seconds=1)


class Lease:
    """One delivery of a message, or the latest of several that came to the same worker."""

    def __init__(self, bus: Bus, pulled: Pulled, ack_wait_s: float) -> None:
        self._bus = bus
        self._ack_wait_s = ack_wait_s
        self._msg = pulled.msg
        self._renewed = pulled.arrived
        self._lost = False

    @property
    def sequence(self) -> int:
        """The message's sequence in the stream."""
        return self._msg.metadata.sequence.stream

    @property
    def delivery(self) -> int:
        """Which delivery this is; 1 for the first."""
        return self._msg.metadata.num_delivered

    @property
    def queued(self) -> datetime:
        """When the message was stored, by the server's clock."""
        return self._msg.metadata.timestamp

    @property
    def held(self) -> bool:
        """Whether nobody else can have been given the message."""
        if time.monotonic() - self._renewed > self._ack_wait_s:
            self._lost = True
        return not self._lost

    def renew_with(self, pulled: Pulled) -> None:
        """The same message was handed out again, to the one who works on it already."""
        self._msg = pulled.msg
        self._renewed = pulled.arrived
        self._lost = False

    async def keep(self, heartbeat_s: float) -> None:
        """Send signs of life until cancelled."""
        while True:
            await asyncio.sleep(heartbeat_s)
            await self.heartbeat(min(heartbeat_s, REPLY_TIMEOUT_S))
            stop_if_cancelled()

    async def heartbeat(self, timeout_s: float = REPLY_TIMEOUT_S) -> bool:
        """Send one sign of life; True when the server has confirmed it.

        Goes on after the lease may be lost: it does no harm then, and holds the message when nobody
        else was given it.
        """
        still_held, sent = self.held, time.monotonic()
        if not self._bus.connected or not await self._tell(b"+WPI", timeout_s):
            return False
        if still_held:
            self._renewed = max(self._renewed, sent)
        return True

    async def ack(self, deadline_s: float) -> bool:
        """Say that the message is done with; tried again until confirmed or the deadline.

        Returns:
            Whether it was confirmed. If not it may still have arrived; or the message comes again.
        """
        return await self._settle(b"+ACK", deadline_s, needs_lease=False)

    async def term(self, deadline_s: float) -> bool:
        """Say that the message can't be worked on by anybody; it becomes a dead letter."""
        return await self._settle(b"+TERM " + UNREADABLE.encode(), deadline_s, needs_lease=False)

    async def nak(self, delay_s: float, deadline_s: float) -> bool:
        """Ask for another delivery after a pause, if nobody else can have the message.

        Returns:
            Whether it was confirmed.
        """
        delay = json.dumps({"delay": int(delay_s * 1e9)}).encode() if delay_s > 0 else b""
        return await self._settle(b"-NAK " + delay if delay else b"-NAK", deadline_s, True)

    async def _settle(self, payload: bytes, deadline_s: float, needs_lease: bool) -> bool:
        ends = time.monotonic() + deadline_s
        while True:
            if needs_lease and not self.held:
                log.info("the lease may be lost, leaving the message to the server")
                return False
            left = max(ends - time.monotonic(), 0.01)
            if await self._bus.wait_connected(min(left, REPLY_TIMEOUT_S)):
                mine = await self._is_of_this_stream()
                if mine is False:
                    log.warning("the stream was made anew, the old message is not acknowledged")
                    return False
                # The lease is looked at once more: the answer above may have taken its time.
                allowed = self.held or not needs_lease
                if mine and allowed and await self._tell(payload, min(left, REPLY_TIMEOUT_S)):
                    return True
            if time.monotonic() + PAUSE_S > ends:
                log.warning("an ack or nak was not confirmed")
                return False
            await asyncio.sleep(PAUSE_S)

    async def _tell(self, payload: bytes, timeout_s: float) -> bool:
        """Answer the message; True when the server has confirmed it."""
        try:
            await self._bus.nc.request(self._msg.reply, payload, timeout=timeout_s)
        except (nats.errors.Error, TimeoutError) as error:
            log.debug("no answer to %s: %r", payload[:4], error)
            return False
        return True

    async def _is_of_this_stream(self) -> bool | None:
        """Whether the stream is the one the message came from; None when nobody tells."""
        try:
            info = await self._bus.js.stream_info(JOBS)
        except NotFoundError:
            return False
        except (nats.errors.Error, TimeoutError):
            return None
        created = info.created
        return created is None or created <= self._msg.metadata.timestamp + CLOCK_SLACK
