"""A receiver of webhooks on loopback: real HTTP, told what to answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Received:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Its body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed_with(self, secret: str) -> bool:
        """As the standard says, written down a second time."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join(
            [
                self.headers["webhook-id"].encode(),
                self.headers["webhook-timestamp"].encode(),
                self.body,
            ]
        )
        wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split(" ")


class Receiver:
    """Answers with what it is told, then with 204; while `open` is not set it takes its time.

    Attributes:
        received: All that came.
        taken: What was answered with 2xx.
    """

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self.port = 0
        self.received: list[Received] = []
        self.taken: list[Received] = []
        self.answers: deque[bytes | None] = deque()
        self.open = asyncio.Event()
        self.open.set()

    def url(self, host: str = "127.0.0.1", path: str = "/hook?token=hush") -> str:
        """Where it listens."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def will(self, *statuses: int, header: str = "") -> None:
        """Answers the next requests with these; 0 for no answer at all."""
        for status in statuses:
            head = (
                f"HTTP/1.1 {status} Told\r\nConnection: close\r\nContent-Length: 0\r\n{header}\r\n"
            )
            self.answers.append(head.encode() if status else None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            request = Received(first.split(" ")[1], headers, body)
            self.received.append(request)
            answer = self.answers.popleft() if self.answers else OK
            await self.open.wait()
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            if (answer or b"").startswith(b"HTTP/1.1 2"):
                self.taken.append(request)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(tls: SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver at 127.0.0.1."""
    receiver = Receiver("https" if tls else "http")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
