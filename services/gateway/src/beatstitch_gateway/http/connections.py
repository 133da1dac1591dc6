"""The connections of the port: hypercorn's protocols, and an end to those whose client has left.

`hypercorn.serve` waits, after a client has closed its connection, for what is left of the idle time
(75 s here) before it closes its own end: whoever connects for each call, as curl does, leaves a
descriptor behind for that long. And a call over HTTP/2 whose client leaves while the reply waits
for room would wait for ever.
"""

from __future__ import annotations

import asyncio
import logging

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.typing import ASGIFramework

log = logging.getLogger(__name__)


class _Connection(TCPServer):
    _left = False

    async def _read_data(self) -> None:
        try:
            await super()._read_data()
        finally:
            self._left = True
            await self.idle_task.stop()
            inner = self.protocol.protocol
            if isinstance(inner, H2Protocol):
                # Nobody sends any more what replies have put there: they would wait for ever.
                for buffer in list(inner.stream_buffers.values()):
                    await buffer.close()

    async def protocol_send(self, event: Event) -> None:
        # A call that ends now would begin another wait for the next one.
        if not (self._left and isinstance(event, Updated)):
            await super().protocol_send(event)


class Connections:
    """All that are open.

    Args:
        app: What answers.
        config: Of hypercorn.
    """

    def __init__(self, app: ASGIFramework, config: Config) -> None:
        self._app, self._config = ASGIWrapper(app), config
        self._context = WorkerContext(None)
        self._open: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a new connection; for `asyncio.start_server`."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def end(self, limit_s: float) -> None:
        """Closes the idle ones at once, the others after their calls, all after so many seconds."""
        await self._context.terminated.set()
        if not self._open:
            return
        _, late = await asyncio.wait(self._open, timeout=limit_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            await _Connection(self._app, loop, self._config, self._context, {}, reader, writer)
        except Exception as error:  # noqa: BLE001 - of h11, h2 or a group of any
            # What came was no HTTP, in a way that the protocols have no answer to.
            log.warning("a connection was broken off: %s", _named(error))
            writer.transport.abort()


def _named(error: BaseException) -> str:
    """The type of an error; of the first one of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
