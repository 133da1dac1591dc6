"""The gateway's HTTP port as a browser or curl sees it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from contextlib import asynccontextmanager

import httpx
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from beatstitch_core.error_details import error_of
from beatstitch_core.errors import BeatStitchError

V1 = "/beatstitch.v1."
END = 0b10
GRPC_WEB_TRAILER = 0x80


class Web:
    """JSON calls with a key: `await web.json("ProjectService/GetProject", projectId=…)`."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self.http = http
        self.headers = {"authorization": f"Bearer {key}"} if key else {}

    async def post(
        self, method: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One unary call as curl makes it."""
        return await self.http.post(
            V1 + method,
            content=body if isinstance(body, bytes) else json.dumps(body or {}),
            headers={"content-type": "application/json", **self.headers, **(headers or {})},
        )

    async def json(self, method: str, **fields: object) -> dict:
        """The reply of a call that has to succeed."""
        reply = await self.post(method, fields)
        assert reply.status_code == 200, reply.text
        return reply.json()

    @asynccontextmanager
    async def stream(self, method: str, body: dict, headers: dict[str, str] | None = None):
        """The frames of a server's stream: (flags, parsed JSON)."""
        async with self.http.stream(
            "POST",
            V1 + method,
            content=frame(json.dumps(body).encode()),
            headers={
                "content-type": "application/connect+json",
                **self.headers,
                **(headers or {}),
            },
        ) as reply:
            yield reply, _frames(reply)


def frame(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


def frames_in(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        flags, length = struct.unpack(">BI", data[:5])
        found.append((flags, data[5 : 5 + length]))
        data = data[5 + length :]
    return found


async def _frames(reply: httpx.Response):
    held = b""
    async for part in reply.aiter_bytes():
        held += part
        while len(held) >= 5 and len(held) >= 5 + struct.unpack(">I", held[1:5])[0]:
            length = struct.unpack(">I", held[1:5])[0]
            yield held[0], json.loads(held[5 : 5 + length])
            held = held[5 + length :]


def error_in(body: dict) -> BeatStitchError:
    """The error that Connect's JSON carries: its details are bytes, as gRPC has them."""
    status = Status(message=body["message"])
    for detail in body.get("details", ()):
        packed = status.details.add()
        packed.type_url = f"type.googleapis.com/{detail['type']}"
        packed.value = _unpadded(detail["value"])
    found = error_of(status)
    assert found is not None, body
    return found


def debug_in(body: dict, kind: type[Message] = error_details_pb2.ErrorInfo) -> dict:
    """A detail as people read it."""
    (found,) = (d["debug"] for d in body["details"] if d["type"] == kind.DESCRIPTOR.full_name)
    return found


def as_json(message: Message) -> dict:
    return json_format.MessageToDict(message)


def _unpadded(text: str) -> bytes:
    import base64  # noqa: PLC0415

    return base64.b64decode(text + "=" * (-len(text) % 4))


def trailers_in(frames: Iterable[tuple[int, bytes]]) -> dict[str, str]:
    """What a gRPC-Web reply says at its end."""
    (text,) = (data.decode() for flags, data in frames if flags & GRPC_WEB_TRAILER)
    return dict(line.split(":", 1) for line in text.split("\r\n") if line)
