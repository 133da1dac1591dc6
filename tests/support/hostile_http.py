"""Hostile HTTP requests: right calls of which one thing is spoilt, from the JSON to the framing."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from support.hostile import Corpus, requests
from support.web import frame

Headers = tuple[tuple[bytes, bytes], ...]
_MARK = "\ue000"  # where a raw literal goes


class Attack(NamedTuple):
    """A request as it goes onto the wire, whole and well-formed HTTP/1.1: an answer is due.

    Attributes:
        verb: GET, POST or what isn't any.
        target: The path and the query.
        headers: All but the key and the length.
        body: As sent.
        chunked: Sent in chunks, without a length.
    """

    verb: bytes
    target: bytes
    headers: Headers
    body: bytes
    chunked: bool = False

    def wire(self, key: str) -> bytes:
        """The bytes, with this key."""
        lines = [b"%s %s HTTP/1.1" % (self.verb, self.target), b"host: gateway"]
        if not any(name == b"authorization" for name, _ in self.headers):
            lines.append(b"authorization: Bearer " + key.encode())
        lines += [b"%s: %s" % pair for pair in self.headers]
        if self.chunked:
            size = max(len(self.body) // 3, 1)
            parts = [self.body[at : at + size] for at in range(0, len(self.body), size)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            lines.append(b"transfer-encoding: chunked")
        else:
            body = self.body
            lines.append(b"content-length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def attacks(method: MethodDescriptor, corpus: Corpus) -> st.SearchStrategy[Attack]:
    """Requests to a method: hostile messages well framed, and messages framed in hostile ways."""
    return st.one_of(_framed(method, corpus), _framed(method, corpus), _odd(method, corpus))


@st.composite
def _framed(draw: st.DrawFn, method: MethodDescriptor, corpus: Corpus) -> Attack:
    message = draw(requests(method.input_type, corpus))
    text = _json(message) if draw(st.integers(0, 3)) else None
    if text is not None:
        kind, body = "json", draw(_spoilt_json(text))
    else:
        broken = st.binary(max_size=40) | st.just(b"\x0a\xff") | st.just(b"\x12\x0a" * 60)
        kind, body = "proto", draw(st.one_of(st.just(message.SerializeToString()), broken))
    streams = method.client_streaming or method.server_streaming
    web = draw(st.integers(0, 3)) == 0
    if web or streams:
        body = frame(body) * (draw(st.integers(0, 3)) if method.client_streaming else 1)
        kind = ("grpc-web+" if web else "connect+") + kind
    header = (b"content-type", f"application/{kind}".encode())
    return Attack(b"POST", _path(method), (header,), body, draw(st.booleans()))


@st.composite
def _odd(draw: st.DrawFn, method: MethodDescriptor, corpus: Corpus) -> Attack:
    message = draw(requests(method.input_type, corpus))
    body = (_json(message) or "{}").encode()
    kind = "application/json"
    if method.client_streaming or method.server_streaming:
        kind, body = "application/connect+json", frame(body)
    right = Attack(b"POST", _path(method), ((b"content-type", kind.encode()),), body)
    return draw(draw(st.sampled_from(_ODD))(right))


# --- JSON


def _json(message: Message) -> str | None:
    try:
        return json_format.MessageToJson(message, indent=None)
    except (json_format.Error, ValueError, TypeError, RecursionError):
        return None  # a time out of range and the like: there is no JSON for it


LITERALS = (
    "null",
    "true",
    "-1",
    "1.5",
    "1e999",
    "-1e999",
    "1e-999",
    "NaN",
    "Infinity",
    "99999999999999999999",
    "9" * 5000,
    '"' + "9" * 5000 + '"',
    '"\\ud800"',
    '"\\u0000"',
    '"\\u202e"',
    '"=== no base64"',
    '"2026-13-45T99:99:99Z"',
    '"9999999999999999s"',
    '"-1.0000000001s"',
    '"a,b..c,"',
    "[]",
    "{}",
    "[null]",
    "[" * 900 + "]" * 900,
    '{"a":' * 900 + "1" + "}" * 900,
    '{"@type": "type.googleapis.com/none.Such"}',
    '{"projectId": "a", "projectId": "b"}',
    '"' + "x" * 70_000 + '"',
)
_TEXTS: tuple[Callable[[str], bytes], ...] = (
    lambda text: text.encode()[:-1],
    lambda text: text.encode() + b"{}",
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.encode("utf-16"),
    lambda text: text.encode() + b"\xff",
    lambda text: b" \n" * 10_000 + text.encode(),
    lambda _: b"",
    lambda _: b"null",
    lambda _: b"[]",
    lambda _: b'"x"',
    lambda _: b"\x00",
    lambda _: b"[" * 100_000,
    lambda _: b'{"a":' * 50_000,
    lambda _: b'{"unknown": 1}',
    lambda text: text.replace('"', "'").encode(),
)


@st.composite
def _spoilt_json(draw: st.DrawFn, text: str) -> bytes:
    """The JSON as it is, with another value in one place, or broken as a text."""
    how = draw(st.integers(0, 4))
    if how == 0:
        return text.encode()
    if how == 1:
        return draw(st.sampled_from(_TEXTS))(text)
    found = json.loads(text)
    places = list(_places(found))
    literal = draw(st.sampled_from(LITERALS))
    if not places:
        return literal.encode()
    owner, name = draw(st.sampled_from(places))
    owner[name] = _MARK
    return json.dumps(found).replace(json.dumps(_MARK), literal).encode()


def _places(value: Any) -> Any:
    names = value if isinstance(value, dict) else range(min(len(value), 3))
    for name in names:
        yield value, name
        if isinstance(value[name], (dict, list)):
            yield from _places(value[name])


# --- everything around the message

BOMB = gzip.compress(b" " * 80_000_000)
_KINDS = (
    b"",
    b"text/html",
    b"application/json; charset=utf-16",
    b"application/json;;;=",
    b"APPLICATION/JSON",
    b"application/xml",
    b"application/proto",
    b"application/connect+json",
    b"application/connect+proto",
    b"application/connect+xml",
    b"application/grpc",
    b"application/grpc+proto",
    b"application/grpc-web",
    b"application/grpc-web-text",
    b"application/grpc-web-text+proto",
    b"application/grpc-web+json",
    b"application/grpc-web+xml",
    b"multipart/form-data; boundary=x",
    b"application/" + b"x" * 5000,
    b"\xff\xfe",
)
_CODINGS = (b"gzip", b"br", b"zstd", b"deflate", b"identity", b"gzip, gzip", b"", b"none", b"\xff")
_CODED: tuple[Callable[[bytes], bytes], ...] = (
    lambda body: body,
    gzip.compress,
    lambda body: gzip.compress(body)[:-6],
    lambda body: gzip.compress(body) + b"more",
    lambda body: gzip.compress(gzip.compress(body)),
    zlib.compress,
    lambda _: b"\x1f\x8b\x08" + b"\xff" * 40,
    lambda _: BOMB,
)
_VERBS = (b"GET", b"PUT", b"DELETE", b"HEAD", b"PATCH", b"OPTIONS", b"TRACE", b"FOO", b"post")
_TARGETS = (
    b"/",
    b"//",
    b"*",
    b"/beatstitch.v1.",
    b"/beatstitch.v1.ProjectService/",
    b"/beatstitch.v1.ProjectService/GetProject/",
    b"/beatstitch.v1.ProjectService%2FGetProject",
    b"/beatstitch.v1.projectservice/getproject",
    b"/beatstitch.v1.ProjectService/../AdminService/ListTenants",
    b"/beatstitch.internal.v1.RendererService/RenderFrame",
    b"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    b"/%00",
    b"/%ff%fe",
    b"/%",
    b"/?%zz=%",
    b"/etc/passwd",
    b"/" + b"x" * 20_000,
    b"http://other.example/beatstitch.v1.ProjectService/GetProject",
)
_EXTRA: tuple[tuple[bytes, bytes], ...] = (
    *((b"connect-timeout-ms", value) for value in (b"-1", b"0", b"1", b"9" * 40, b"NaN", b"1e9")),
    *((b"grpc-timeout", value) for value in (b"1n", b"99999999H", b"-1S", b"S", b"9" * 40)),
    *((b"connect-protocol-version", value) for value in (b"0", b"2", b"", b"\xff")),
    (b"connect-accept-encoding", b"br;q=x, ,,gzip;q=1e999"),
    (b"accept-encoding", b"*;q=0"),
    (b"accept", b"\xff"),
    (b"x-request-id", b"x" * 6000),
    (b"x-request-id", b"\xe9\xff"),
    (b"traceparent", b"00-" + b"f" * 32 + b"-" + b"0" * 16 + b"-zz"),
    (b"traceparent", b"\xff"),
    (b"tracestate", b"a=" + b"b" * 3000),
    (b"baggage", b"a=%ff,=,;"),
    (b"authorization", b"Bearer "),
    (b"authorization", b"Bearer \xff\xfe"),
    (b"authorization", b"Basic " + base64.b64encode(b"a:b")),
    (b"authorization", b"Bearer " + b"e" * 7000),
    (b"authorization", b"Bearer eyJhbGciOiJub25lIn0.e30."),
    (b"x-api-key", b"\xff"),
    (b"x-odd-bin", b"=== no base64"),
    (b"x-odd-bin", b"/w=="),
    (b"x-\xff".replace(b"\xff", b"_"), b"\x80"),
    (b"cookie", b"a=b;" * 1000),
    (b"origin", b"null"),
    (b"origin", b"https://\xff"),
    (b"expect", b"100-continue"),
    (b"expect", b"the-unexpected"),
    (b"upgrade", b"websocket"),
    (b"range", b"bytes=0-1"),
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"te", b"trailers"),
    (b"forwarded", b"for=\xff"),
)


def _with_kind(right: Attack) -> st.SearchStrategy[Attack]:
    return st.sampled_from(_KINDS).map(
        lambda kind: right._replace(headers=((b"content-type", kind),))
    )


def _without_kind(right: Attack) -> st.SearchStrategy[Attack]:
    return st.just(right._replace(headers=()))


@st.composite
def _with_coding(draw: st.DrawFn, right: Attack) -> Attack:
    names = (b"content-encoding", b"connect-content-encoding", b"grpc-encoding")
    name, coding = draw(st.sampled_from(names)), draw(st.sampled_from(_CODINGS))
    body = draw(st.sampled_from(_CODED))(right.body)
    return right._replace(headers=(*right.headers, (name, coding)), body=body)


def _with_verb(right: Attack) -> st.SearchStrategy[Attack]:
    return st.sampled_from(_VERBS).map(lambda verb: right._replace(verb=verb))


def _with_target(right: Attack) -> st.SearchStrategy[Attack]:
    return st.sampled_from(_TARGETS).map(lambda target: right._replace(target=target))


@st.composite
def _with_headers(draw: st.DrawFn, right: Attack) -> Attack:
    extra = draw(st.lists(st.sampled_from(_EXTRA), min_size=1, max_size=3))
    return right._replace(headers=(*right.headers, *extra))


def _with_many_headers(right: Attack) -> st.SearchStrategy[Attack]:
    many = tuple((b"x-%d" % index, b"y" * 100) for index in range(100))
    return st.just(right._replace(headers=(*right.headers, *many)))


@st.composite
def _with_frames(draw: st.DrawFn, right: Attack) -> Attack:
    kinds = (b"connect+json", b"connect+proto", b"grpc-web+proto", b"grpc-web", b"grpc")
    plain = right.body
    bodies = (
        b"",
        b"\x00",
        b"\x00\x00\x00\x00",
        frame(plain)[:-1],
        frame(plain) + b"\x00\x00",
        b"\x00\xff\xff\xff\xff" + plain,
        b"\x00\x7f\xff\xff\xff",
        frame(plain, 1),
        frame(gzip.compress(plain), 1),
        frame(BOMB, 1),
        frame(plain, 0b10),
        frame(plain, 0x80),
        frame(plain, 0xFF),
        frame(b"") * 300,
        frame(plain) * 3,
        base64.b64encode(frame(plain)),
    )
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/" + draw(st.sampled_from(kinds)))
    ]
    if draw(st.booleans()):
        headers.append((b"connect-content-encoding", draw(st.sampled_from(_CODINGS))))
        headers.append((b"grpc-encoding", headers[-1][1]))
    body = draw(st.sampled_from(bodies))
    return right._replace(headers=tuple(headers), body=body, chunked=draw(st.booleans()))


@st.composite
def _got(draw: st.DrawFn, right: Attack) -> Attack:
    messages = (b"{}", b"{", b"[" * 3000, right.body[:4000], b"\xff", b"", b"====", b"H4sI")
    query = {
        "message": quote(draw(st.sampled_from(messages))),
        "encoding": draw(st.sampled_from(("json", "proto", "xml", "", "%ff"))),
        "connect": draw(st.sampled_from(("v1", "v9", ""))),
        "base64": draw(st.sampled_from(("", "1", "2"))),
        "compression": draw(st.sampled_from(("", "gzip", "br", "none"))),
    }
    left_out = draw(st.sampled_from((*query, "")))
    pairs = [f"{name}={value}" for name, value in query.items() if value and name != left_out]
    if draw(st.integers(0, 4)) == 0:
        pairs += pairs
    target = right.target + b"?" + "&".join(pairs).encode()
    return Attack(b"GET", target, (), b"")


_ODD: tuple[Callable[[Attack], st.SearchStrategy[Attack]], ...] = (
    _with_kind,
    _without_kind,
    _with_coding,
    _with_coding,
    _with_verb,
    _with_target,
    _with_headers,
    _with_headers,
    _with_many_headers,
    _with_frames,
    _with_frames,
    _got,
)


def _path(method: MethodDescriptor) -> bytes:
    return f"/{method.containing_service.full_name}/{method.name}".encode()


# --- what is no HTTP at all, or not all of it

_HEAD = b"POST /beatstitch.v1.InfoService/GetServerInfo HTTP/1.1\r\nhost: gateway\r\n"
_JSON = b"content-type: application/json\r\n"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def _h2(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    return size.to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


_SETTINGS = _h2(4, 0, 0, b"")
BROKEN: tuple[bytes, ...] = (
    b"",
    b"\r\n" * 50,
    b"\x00" * 200,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 200,  # TLS where there is none
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no host
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nx: a\x00b\r\n\r\n",
    b"GET /\x00\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    _HEAD + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
    _HEAD + b"".join(b"x-%d: y\r\n" % index for index in range(20_000)) + b"\r\n",
    _HEAD + b"x" * 1000,
    _HEAD + _JSON + b"content-length: 100\r\n\r\n{}",
    _HEAD + _JSON + b"content-length: -1\r\n\r\n{}",
    _HEAD + _JSON + b"content-length: 99999999999999999999\r\n\r\n{}",
    _HEAD + _JSON + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    _HEAD + _JSON + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    _HEAD + _JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    _HEAD + _JSON + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    _HEAD + _JSON + b"transfer-encoding: chunked\r\n\r\n2\r\n{}",
    _HEAD + _JSON + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    (_HEAD + _JSON + b"content-length: 2\r\n\r\n{}") * 40,  # a pipeline
    _HEAD + b"upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: %%%\r\n\r\n",
    (
        b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    ),
    b"CONNECT other.example:443 HTTP/1.1\r\nhost: other.example:443\r\n\r\n",
    _PREFACE[:-3],
    _PREFACE + b"\xff" * 300,
    _PREFACE + _SETTINGS + _h2(0, 0, 0, b"data on no stream"),
    _PREFACE + _SETTINGS + _h2(1, 4, 1, b"\xff" * 20),
    _PREFACE + _SETTINGS + _h2(1, 4, 2, b"\x82"),
    _PREFACE + _SETTINGS + _h2(1, 5, 1, b"\x82"),
    _PREFACE + _SETTINGS + _h2(9, 4, 1, b"\x82"),
    _PREFACE + _SETTINGS + _h2(8, 0, 0, b"\x7f\xff\xff\xff") * 3,
    _PREFACE + _SETTINGS + _h2(0, 0, 1, b"", 0xFFFFFF),
    _PREFACE + _SETTINGS + _h2(6, 0, 0, b"12345678") * 2000,
    _PREFACE + _SETTINGS + _h2(1, 5, 1, b"\x82\x86\x84\x01\x01a") + _h2(3, 0, 1, b"\x00" * 4),
    _PREFACE + _h2(4, 0, 0, b"\x00\x03\x00\x00\x00\x00" * 2000),
    _PREFACE + _SETTINGS + _h2(5, 4, 1, b"\x00\x00\x00\x02\x82"),
)
