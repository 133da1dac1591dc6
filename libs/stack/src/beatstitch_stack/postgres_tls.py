"""TLS in front of PostgreSQL: the wheel's server was built without it.

Does what `ssl = on` and `hostssl … clientcert=verify-full` do in a server that has it: answers the
client's SSLRequest, wants a certificate whose common name is the database user, refuses what isn't
encrypted, and passes the rest through. Source: PostgreSQL, "Frontend/Backend Protocol".
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from beatstitch_stack.ports import LOOPBACK

if TYPE_CHECKING:
    from beatstitch_stack.certificates import Certificate

SSL_REQUEST = struct.pack("!II", 8, 80877103)
ACCEPTED = b"S"
CHUNK = 64 * 1024


class PostgresTls:
    """The front; its event loop lives in a thread of its own.

    Args:
        target: The real server's port.
        certificate: What it shows, and whose clients it believes.
        user: The common name that a client's certificate has to have.
    """

    def __init__(self, target: int, certificate: Certificate, user: str) -> None:
        self._target = target
        self._user = user
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        self._context.load_verify_locations(certificate.ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._calls: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result()
        return self.port

    def stop(self) -> None:
        """Close everything; safe to call twice."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it in one
        self._calls.add(task)
        try:
            # Whoever breaks off, in the handshake or later, ends this connection and no more.
            with suppress(OSError, asyncio.IncompleteReadError):
                if await self._encrypted(reader, writer):
                    await self._pass_on(reader, writer)
        finally:
            self._calls.discard(task)
            writer.transport.abort()

    async def _encrypted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            return False
        writer.write(ACCEPTED)
        await writer.drain()
        await writer.start_tls(self._context)
        shown = writer.get_extra_info("peercert") or {}
        names = {value for part in shown.get("subject", ()) for key, value in part}
        return self._user in names

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._target)
        ways = {
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            inner_writer.transport.abort()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()
