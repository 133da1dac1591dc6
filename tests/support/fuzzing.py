"""Calls every method that a server's reflection names, and judges what comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import grpc
from google.protobuf import text_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from support.hostile import Corpus, requests, streams

CALL_S = 30.0
STREAM_S = 1.5
MOST_REPLIES = 3
# Ends what the tenant has, or its key.
ENDS = re.compile("Delete|Suspend|Revoke|Rotate|Purge|Cleanup|Requeue")
# Waits by design, for as long as the request says.
WAITS = ("/WaitJob",)
OURS = frozenset(
    {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.UNAVAILABLE,
    }
)
# An engine, told of an object that isn't what the reference says: only the gateway tells it.
DECLARED = re.compile(r"the stored [a-z ]+ is damaged")
LEAKS = re.compile(
    r"Traceback|File \"|site-packages|/usr/|/home/|/work/|/tmp/|/opt/|\.py\b|SELECT |INSERT INTO|"
    r"asyncpg|sqlalchemy|postgresql|psycopg|botocore|obstore|nats\.errors|object at 0x|"
    r"X-Amz-Signature|Error\(|Exception"
)


class Sent:
    """A request as text, made when somebody wants to read it: some have megabytes."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    @cached_property
    def text(self) -> str:
        return self._text()


@dataclass
class Found:
    """What was wrong with an answer."""

    method: str
    what: str
    request: str

    def __str__(self) -> str:
        return f"{self.method}: {self.what}\n{self.request[:3000]}"


@dataclass
class Fuzzer:
    """Attacks one server.

    Attributes:
        channel: To the server.
        corpus: Real things.
        metadata: A valid key.
        foreign: What another tenant calls its own: in no answer, unless it was asked about.
        found: What was wrong.
        calls: How many were made.
        codes: How they ended.
        slowest: Seconds and method of the longest.
    """

    channel: grpc.Channel
    corpus: Corpus
    metadata: Sequence[tuple[str, str]] = ()
    foreign: Sequence[str] = ()
    found: list[Found] = field(default_factory=list)
    calls: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")

    def methods(self) -> Iterator[MethodDescriptor]:
        """All of the server's, but those of gRPC's own services."""
        database = ProtoReflectionDescriptorDatabase(self.channel)
        pool = DescriptorPool(database)
        for name in sorted(database.get_services()):
            if not name.startswith("grpc."):
                yield from pool.FindServiceByName(name).methods

    def attack(self, method: MethodDescriptor, examples: int, seed_of: int) -> None:
        """Sends so many requests to a method, and half as many that are no messages."""
        if method.containing_service.full_name.endswith("InfoService"):
            examples = min(examples, 5)
        corpus = self.corpus if not ENDS.search(method.name) else Corpus(ids=self.corpus.ids[:0])
        strategy = requests if not method.client_streaming else streams
        self._run(
            strategy(method.input_type, corpus),  # type: ignore[operator]
            lambda sent: self.send(method, sent if isinstance(sent, (list, tuple)) else [sent]),
            examples,
            seed_of,
        )
        if not ENDS.search(method.name):
            wire = st.binary(max_size=40) | st.sampled_from(_BROKEN)
            self._run(
                wire, lambda data: self.send_raw(method, [data]), max(examples // 4, 2), seed_of
            )

    def _run(self, strategy, act, examples: int, seed_of: int) -> None:
        @seed(seed_of)
        @settings(
            max_examples=examples,
            phases=(Phase.generate,),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def one(sent):
            act(sent)

        one()

    def send(self, method: MethodDescriptor, messages: Sequence[Message]) -> list[Message]:
        """One call; its replies, of which the corpus learns."""
        raw = self.send_raw(
            method,
            [message.SerializeToString() for message in messages],
            lambda: "\n---\n".join(text_format.MessageToString(one) for one in messages),
        )
        replies = []
        for data in raw:
            reply = GetMessageClass(method.output_type)()
            reply.ParseFromString(data)
            replies.append(reply)
        return replies

    def send_raw(
        self,
        method: MethodDescriptor,
        bodies: Sequence[bytes],
        text: Callable[[], str] | None = None,
    ) -> list[bytes]:
        """One call with these bytes; judges how it ends."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        sent = Sent(text or (lambda: repr(bodies)))
        begun = time.monotonic()
        self.calls += 1
        limit_s = STREAM_S if method.server_streaming else CALL_S
        given_ = {"timeout": limit_s, "metadata": self.metadata}
        kind = (
            f"{'stream' if method.client_streaming else 'unary'}_"
            f"{'stream' if method.server_streaming else 'unary'}"
        )
        call = getattr(self.channel, kind)(path)
        argument = iter(bodies) if method.client_streaming else bodies[0]
        replies: list[bytes] = []
        try:
            if method.server_streaming:
                stream = call(argument, **given_)
                for reply in stream:
                    replies.append(reply)
                    if len(replies) == MOST_REPLIES:
                        stream.cancel()
                        break
            else:
                replies.append(call(argument, **given_))
            self._count("OK")
        except grpc.RpcError as error:
            self._judge(method, path, error, sent)  # type: ignore[arg-type]
        self.slowest = max(self.slowest, (time.monotonic() - begun, path))
        told = [word for word in self.foreign if any(word.encode() in reply for reply in replies)]
        self._note_foreign(path, told, sent)
        return replies

    def _judge(self, method: MethodDescriptor, path: str, error: grpc.Call, sent: Sent) -> None:
        code, details = error.code(), error.details() or ""
        self._count(code.name)
        extra = b"".join(
            value if isinstance(value, bytes) else value.encode()
            for _, value in error.trailing_metadata() or ()
        ).decode("utf-8", "replace")
        if code in OURS and not DECLARED.fullmatch(details):
            self.found.append(Found(path, f"{code.name}: {details}", sent.text))
        hung = code == grpc.StatusCode.DEADLINE_EXCEEDED and not method.server_streaming
        if hung and not path.endswith(WAITS):
            self.found.append(Found(path, f"no answer: {details}", sent.text))
        told = f"{details}\n{extra}"
        # What a client wrote itself may come back to it.
        if leaks := [match for match in LEAKS.findall(told) if match not in sent.text]:
            self.found.append(Found(path, f"tells {leaks}: {told[:500]!r}", sent.text))
        self._note_foreign(path, [word for word in self.foreign if word in told], sent)

    def _note_foreign(self, path: str, words: Sequence[str], sent: Sent) -> None:
        if any(word not in sent.text for word in words):
            self.found.append(Found(path, f"tells of another tenant: {words}", sent.text))

    def _count(self, name: str) -> None:
        self.codes[name] = self.codes.get(name, 0) + 1


_BROKEN = (
    b"\xff",
    b"\x0a\xff",
    b"\x0a\x05ab",
    b"\x08",
    b"\x0a\x02\xc3\x28",  # no UTF-8
    b"\x0b\x0b\x0b",  # groups without an end
    b"\x0a\x80\x80\x80\x80\x10",
    b"\xf8\xff\xff\xff\x0f\x01",  # the largest field number
    b"\x0a\x00" * 5_000,
    b"\x12\x0a" * 60,
)
