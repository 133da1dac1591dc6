"""A relay on loopback in front of a server, that can do what networks do."""

from __future__ import annotations

import asyncio
import enum
import struct
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, Self

from beatstitch_stack.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 64 * 1024
DELAY_S = 0.15
BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 47\r\n\r\n<Error><Code>SlowDown</Code><Message/></Error>\n"
)


class Weather(enum.Enum):
    """What happens to bytes and connections."""

    FAIR = "fair"
    CUT = "cut"
    """Every connection is reset, at once and as soon as it is made."""
    STALL = "stall"
    """Connections stay and are accepted; nothing goes through."""
    DELAY = "delay"
    """Each piece of data waits a little."""
    BUSY = "busy"
    """HTTP only: each request is answered 503 by the relay itself."""


class FaultProxy:
    """One relay; in an `async with` it runs.

    Attributes:
        port: Where clients go.
        weather: Now; changed by `change`.
        lose_reply_to: When set: the next request with these bytes in it gets through, and the
            connection breaks before its reply does. One shot.
    """

    def __init__(self, target_port: int, *, host: str = LOOPBACK, port: int | None = None) -> None:
        """Relays what comes to `host` (and `port`, a free one by default) to loopback."""
        self.port = free_port() if port is None else port
        self._host = host
        self.weather = Weather.FAIR
        self.lose_reply_to = b""
        self._target_port = target_port
        self._fair = asyncio.Event()
        self._fair.set()
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, self.port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def change(self, weather: Weather) -> None:
        """From now on."""
        self.weather = weather
        if weather is Weather.STALL:
            self._fair.clear()
        else:
            self._fair.set()
        # What is under way when a server turns busy breaks too: keep-alive would hide it else.
        if weather in {Weather.CUT, Weather.BUSY}:
            self._reset_all()

    def _reset_all(self) -> None:
        for link in tuple(self._links):
            _reset(link)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._links.add(writer)
        try:
            # A peer that goes in the middle of anything is what this is for.
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            self._links.discard(writer)
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._fair.wait()
        if self.weather is Weather.CUT:
            return
        if self.weather is Weather.BUSY:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(BUSY)
            await writer.drain()
            return
        there, back = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._links.add(back)
        mute = asyncio.Event()
        try:
            ways = [
                asyncio.ensure_future(self._pump(reader, back, asked=mute)),
                asyncio.ensure_future(self._pump(there, writer, mute=mute)),
            ]
            try:
                await asyncio.gather(*ways)
            finally:
                for way in ways:
                    way.cancel()
        finally:
            self._links.discard(back)
            back.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        asked: asyncio.Event | None = None,
        mute: asyncio.Event | None = None,
    ) -> None:
        while data := await reader.read(CHUNK):
            await self._fair.wait()
            if self.weather is Weather.DELAY:
                await asyncio.sleep(DELAY_S)
            if mute is not None and mute.is_set():
                _reset(writer)
                return
            if asked is not None and self.lose_reply_to and self.lose_reply_to in data:
                self.lose_reply_to = b""
                asked.set()
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, so that the peer knows at once and no port waits in TIME_WAIT."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        with suppress(OSError):
            sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
