"""One NATS connection with the defaults that survive a restart of the server.

nats-py's own defaults give up after sixty tries and notice a dead peer after minutes. Here it tries
forever, leaves a server that hangs within a quarter of a lease, and logs what only the error
callback ever tells: a permission violation on a publish reaches the caller as a mere timeout.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any, Self

import nats
from nats.aio.client import Client
from nats.js.client import JetStreamContext

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.tasks import end
from beatstitch_runtime.tls import client_context, load_own, nats_files

log = logging.getLogger(__name__)

# A server that hangs, or whose host is lost without a word, is left for another one after
# PING_S × (UNANSWERED_PINGS + 1): long before the leases kept on it run out.
PING_S = 5
UNANSWERED_PINGS = 2
RECONNECT_PAUSE_S = 0.5
POLL_S = 0.02
PENDING_BYTES = 8 * 1024 * 1024
SAME_ERROR_QUIET_S = 10.0


def nats_down(message: str = "NATS can't be reached") -> BeatStitchError:
    """DEPENDENCY_DOWN for NATS."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        message,
        metadata={"dependency": "nats"},
        retry_after_s=1.0,
    )


class EncryptedClient(Client):
    """Refuses a server that doesn't ask for TLS.

    nats-py would go on in clear, and send the password, to anybody on the way who leaves
    `tls_required` out of the server's first line.
    """

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and not info.get("tls_required"):
            raise nats.errors.SecureConnRequiredError
        await super()._process_info(info, initial_connection)


class Bus:
    """A connection to NATS and its JetStream context.

    Attributes:
        nc: The connection, for core subjects.
        js: JetStream on it.
        settings: What it was made with.
        restoring: Held by whoever recreates the streams, see `jobs.topology_upkeep`.
    """

    nc: Client
    js: JetStreamContext

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.restoring = asyncio.Lock()
        self.restored_at = float("-inf")
        self._on_reconnect: set[Callable[[], None]] = set()
        self._last_error: tuple[str, float] = ("", 0.0)
        self._tls: ssl.SSLContext | None = None

    @classmethod
    async def connect(cls, settings: ServiceSettings) -> Self:
        """Connect.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN when NATS didn't answer within the settings' time, or
                not as one whom the settings' files let us believe.
            OSError: The settings' certificates can't be used.
        """
        bus = cls(settings)
        credentials, files = settings.nats_credentials, nats_files(settings)
        who: dict[str, Any] = {}
        if files.wanted:
            bus.nc, bus._tls = EncryptedClient(), client_context(files)
            who["tls"] = bus._tls
        else:
            bus.nc = Client()
        if settings.nats_user:
            who["user"] = settings.nats_user
            who["password"] = settings.nats_password.get_secret_value()
        # A task, which can be cancelled more than once: nats-py tries for ever, and a single
        # cancellation may get lost on the way (see `tasks`).
        connecting = asyncio.ensure_future(
            bus.nc.connect(
                servers=[url.strip() for url in settings.nats_url.split(",")],
                name=settings.worker_name,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_PAUSE_S,  # type: ignore[arg-type]
                ping_interval=PING_S,
                max_outstanding_pings=UNANSWERED_PINGS,
                pending_size=PENDING_BYTES,
                user_credentials=None if credentials is None else str(credentials),
                inbox_prefix=settings.nats_inbox_prefix,
                error_cb=bus._note_error,
                disconnected_cb=bus._note_disconnect,
                reconnected_cb=bus._note_reconnect,
                closed_cb=bus._note_closed,
                **who,
            )
        )
        try:
            await asyncio.wait({connecting}, timeout=settings.nats_connect_timeout_s)
        finally:
            await end(connecting)
        error = TimeoutError() if connecting.cancelled() else connecting.exception()
        if isinstance(error, (nats.errors.Error, OSError, TimeoutError)):
            await bus.nc.close()
            raise nats_down() from error
        connecting.result()
        bus.js = bus.nc.jetstream()
        return bus

    @property
    def connected(self) -> bool:
        """Whether the connection is up now."""
        return self.nc.is_connected

    @property
    def closed(self) -> bool:
        """Whether `close` was called: it never comes up again."""
        return self.nc.is_closed

    async def wait_connected(self, timeout_s: float) -> bool:
        """Wait until the connection is up; False when it is closed or didn't come up in time."""
        # Asked again and again: nats-py's callbacks come some time after the state has changed.
        ends = time.monotonic() + timeout_s
        while not self.nc.is_connected:
            left_s = ends - time.monotonic()
            if left_s <= 0 or self.nc.is_closed:
                return False
            await asyncio.sleep(min(POLL_S, left_s))
        return True

    def on_reconnect(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each reconnection; returns a function that ends that."""
        self._on_reconnect.add(callback)
        return lambda: self._on_reconnect.discard(callback)

    async def close(self) -> None:
        """Send what is buffered, then disconnect; safe to call twice."""
        if self.nc.is_closed:
            return
        if self.nc.is_connected:
            try:
                await self.nc.flush(timeout=2)
            except (nats.errors.Error, TimeoutError):
                log.warning("NATS didn't confirm the last messages before the connection closed")
        else:
            # nats-py would write these to the dead socket, raise, and leave its tasks running.
            self.nc._pending.clear()
            self.nc._pending_data_size = 0
        reconnecting = self.nc._reconnection_task
        try:
            await self.nc.close()
        except OSError as error:  # it went away in this very moment
            log.debug("closing: %r", error)
        if reconnecting is not None:
            await end(reconnecting)

    async def _note_error(self, error: Exception) -> None:
        # While NATS is away each attempt to reconnect tells the same thing twice a second.
        text, now = repr(error), time.monotonic()
        last, at = self._last_error
        if text == last and now - at < SAME_ERROR_QUIET_S:
            return
        self._last_error = (text, now)
        log.warning("NATS: %s", text)

    async def _note_disconnect(self) -> None:
        if self.nc.is_closed:
            return
        log.warning("NATS: disconnected")
        if self._tls is not None:
            # The next handshake shows the certificate as it is by then.
            try:
                load_own(self._tls, nats_files(self.settings))
            except OSError as error:
                log.warning("the certificate for NATS can't be read again: %s", error)

    async def _note_reconnect(self) -> None:
        log.info("NATS: connected again")
        for callback in tuple(self._on_reconnect):
            callback()

    async def _note_closed(self) -> None:
        log.debug("NATS: closed")
