"""Sends hostile requests to the HTTP port, and judges what comes back."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, Phase, given, seed, settings

from support.fuzzing import ENDS, LEAKS, WAITS, Found
from support.hostile import Corpus
from support.hostile_http import BROKEN, Attack, attacks
from support.web import frames_in

CALL_S = 30.0
STREAM_S = 0.5
# After the client has said that nothing more comes.
CLOSE_S = 15.0
MOST_READ = 4 << 20
# Connect's names of what would be our fault; gRPC's numbers of the same.
OURS = {"internal": 13, "unknown": 2, "data_loss": 15, "unavailable": 14}
# As gRPC's own specification wants it.
_BY_THE_BOOK = b"grpc-message: protocol%20error%3A%20sent%20compressed"
_GRPC_STATUS = re.compile(rb"grpc-status: ?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP.
        kind: The content type.
        body: As much as came in time.
        ended: Whether that is all of it.
    """

    status: int
    kind: str
    body: bytes
    ended: bool


@dataclass
class HttpFuzzer:
    """Attacks one port.

    Attributes:
        host: Of the port.
        port: The port.
        key: A valid key.
        corpus: Real things.
        foreign: What another tenant calls its own: in no answer, unless it was asked about.
        found: What was wrong.
        calls: How many were made.
        statuses: How they ended: HTTP's status, and Connect's code.
        slowest: Seconds and target of the longest.
    """

    host: str
    port: int
    key: str
    corpus: Corpus
    foreign: Sequence[str] = ()
    found: list[Found] = field(default_factory=list)
    calls: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")

    def attack(self, method: MethodDescriptor, examples: int, seed_of: int) -> None:
        """Sends so many requests to a method."""
        corpus = self.corpus if not ENDS.search(method.name) else Corpus()

        @seed(seed_of)
        @settings(
            max_examples=examples,
            phases=(Phase.generate,),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(attacks(method, corpus))
        def one(sent: Attack) -> None:
            self.send(sent, streams=method.server_streaming)

        one()

    def send(self, sent: Attack, *, streams: bool) -> None:
        """One request; judges how it ends."""
        self.calls += 1
        begun = time.monotonic()
        where = sent.target[:200].decode("latin-1")
        try:
            reply = self._ask(sent, STREAM_S if streams else CALL_S)
        except TimeoutError:
            if not streams and WAITS[0].encode() not in sent.target:
                self._note(where, "no answer", sent)
        except (OSError, http.client.HTTPException) as error:
            self._note(where, f"no answer: {error!r}", sent)
        else:
            self._judge(where, sent, reply)
        self.slowest = max(self.slowest, (time.monotonic() - begun, where))

    def send_broken(self) -> None:
        """What is no HTTP, or not all of it: refused, and the connection closed."""
        for data in BROKEN:
            self.calls += 1
            begun = time.monotonic()
            try:
                answer = self._tell(data)
            except TimeoutError:
                self._note("-", "the connection stays open", data)
                continue
            self.slowest = max(self.slowest, (time.monotonic() - begun, repr(data[:60])))
            if answer.startswith(b"HTTP/1.1 500"):
                self._note("-", answer[:500].decode("latin-1"), data)
            if leaks := LEAKS.findall(answer.decode("latin-1")):
                self._note("-", f"tells {leaks}", data)

    def _ask(self, sent: Attack, limit_s: float) -> Reply:
        with socket.create_connection((self.host, self.port), timeout=limit_s) as connection:
            # Refused before all of it was sent: the answer is there.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(sent.wire(self.key))
            with http.client.HTTPResponse(connection, method=sent.verb.decode()) as response:
                response.begin()
                body, ended = b"", False
                try:
                    while not ended and len(body) < MOST_READ:
                        part = response.read1(1 << 16)
                        body, ended = body + part, not part
                except TimeoutError:
                    pass
                return Reply(response.status, response.headers.get_content_type(), body, ended)

    def _tell(self, data: bytes) -> bytes:
        answer = b""
        with socket.create_connection((self.host, self.port), timeout=CLOSE_S) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(1 << 16):
                    answer += part
            except (BrokenPipeError, ConnectionResetError):
                pass  # one way to close
        return answer

    def _judge(self, where: str, sent: Attack, reply: Reply) -> None:
        code = code_of(reply)
        self.statuses[f"{reply.status} {code}".strip()] += 1
        ours = reply.status == http.client.INTERNAL_SERVER_ERROR or code in OURS
        if ours and _BY_THE_BOOK not in reply.body:
            self._note(where, f"{reply.status} {code}: {reply.body[:500]!r}", sent)
        text = reply.body.decode("utf-8", "replace")
        told = sent.wire("").decode("latin-1")
        is_error = bool(code) or reply.status != http.client.OK
        if is_error and (leaks := [word for word in LEAKS.findall(text) if word not in told]):
            self._note(where, f"tells {leaks}: {text[:500]!r}", sent)
        if self.key in text:
            self._note(where, "tells the key", sent)
        asked = (sent.target + sent.body).decode("latin-1")
        if others := [word for word in self.foreign if word in text and word not in asked]:
            self._note(where, f"tells of another tenant: {others}", sent)

    def _note(self, where: str, what: str, sent: Attack | bytes) -> None:
        shown = repr(sent if isinstance(sent, bytes) else sent.wire("KEY"))
        self.found.append(Found(where, what, shown))


def code_of(reply: Reply) -> str:
    """The code of an error, as Connect calls it, or gRPC-Web's number of it; empty for none."""
    if reply.kind.startswith("application/grpc"):
        numbers = [int(number) for number in _GRPC_STATUS.findall(reply.body)]
        names = {number: name for name, number in OURS.items()}
        return names.get(numbers[-1], str(numbers[-1] or "")) if numbers else ""
    body = reply.body
    if reply.kind.startswith("application/connect+"):
        if not reply.ended:
            return ""
        ends = [data for flags, data in frames_in(body) if flags & 0b10]
        body = ends[-1] if ends else b"{}"
    elif reply.status == http.client.OK or reply.kind != "application/json":
        return ""
    found = json.loads(body or b"{}")
    return str(found.get("error", found).get("code", ""))
