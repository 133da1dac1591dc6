"""The page that Prometheus reads: GET /metrics, /livez, /readyz on a port of its own.

On the service's event loop, so that an answer from /livez says the loop turns. One request a
connection, no keep-alive: nothing here is worth a web server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

from prometheus_client.exposition import choose_encoder

from beatstitch_runtime.metrics.declare import REGISTRY
from beatstitch_runtime.metrics.observers import Observer, Observers

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 16 * 1024
READ_TIMEOUT_S = 5.0
TEXT = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, str, bytes]


class MetricsServer:
    """Answers Prometheus and probes.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        ready: Whether the service wants calls and jobs now.
        observers: Asked before /metrics answers.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        ready: Callable[[], bool],
        observers: Sequence[Observer] = (),
    ) -> None:
        self._host, self._ready = host, ready
        self._observers = Observers(observers)
        self._server: asyncio.Server | None = None
        self.port = port

    async def start(self) -> int:
        """Listen; returns the port.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(
            self._serve, self._host, self.port, limit=MAX_HEAD_BYTES
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        log.info("metrics listen", extra={"address": f"{self._host}:{self.port}"})
        return self.port

    async def stop(self) -> None:
        """Close the port."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, answer = await self._answer(head.decode("latin-1"))
            writer.write(_response(method, answer))
            async with asyncio.timeout(READ_TIMEOUT_S):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, TimeoutError):
            pass  # no client of ours
        finally:
            writer.close()

    async def _answer(self, head: str) -> tuple[str, Answer]:
        line, *fields = head.split("\r\n")
        method, _, rest = line.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return method, (HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"GET only\n")
        if path == "/livez":
            return method, (HTTPStatus.OK, TEXT, b"alive\n")
        if path == "/readyz":
            if self._ready():
                return method, (HTTPStatus.OK, TEXT, b"ready\n")
            return method, (HTTPStatus.SERVICE_UNAVAILABLE, TEXT, b"not ready\n")
        if path != "/metrics":
            return method, (HTTPStatus.NOT_FOUND, TEXT, b"/metrics /livez /readyz\n")
        await self._observers.refresh()
        encode, content_type = choose_encoder(_field(fields, "accept"))
        # Thousands of lines: not on the loop that answers calls.
        return method, (HTTPStatus.OK, content_type, await asyncio.to_thread(encode, REGISTRY))


def _field(fields: Sequence[str], name: str) -> str:
    for field in fields:
        key, _, value = field.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return ""


def _response(method: str, answer: Answer) -> bytes:
    status, content_type, body = answer
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if method == "HEAD" else body)
