"""What the audit log says of a call."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

import grpc.aio
from google.protobuf.message import Message

from beatstitch.v1.tenant_pb2 import AuditEvent
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_core.ids import new_id
from beatstitch_gateway.auth import Caller, Context
from beatstitch_gateway.db.audit import time_us_of
from beatstitch_runtime.telemetry import request_id

_SHOWN = 64  # characters of the caller's text
# What a call is about, the most particular first; project and tenant are where it happened.
_THINGS = ("delivery", "webhook", "api_key", "template", "render", "job", "asset", "timeline")
_PLACES = ("project", "tenant")
_PORT = re.compile(r"(?P<host>\[.*\]|[^:]*):\d+")


def event_of(
    caller: Caller,
    method: str,
    context: Context,
    *,
    request: object,
    reply: object,
    error: BaseException | None,
) -> AuditEvent:
    """The event of a call that has ended.

    Args:
        caller: Who called.
        method: "/beatstitch.v1.Service/Method".
        context: The call's.
        request: The request; an iterator where it was a stream.
        reply: The reply, or None.
        error: What it ended with, or None.
    """
    code, reason = outcome(error, context)
    event = AuditEvent(
        id=new_id(),
        tenant_id=caller.tenant,
        principal=caller.principal,
        method=method.strip("/"),
        resource=resource(request, reply),
        code=code,
        reason=reason,
        request_id=request_id(),
        peer=address(context.peer()),
    )
    event.time.FromMicroseconds(time_us_of(event.id))
    return event


def outcome(error: BaseException | None, context: Context) -> tuple[str, str]:
    """Code and reason of what a call ended with."""
    if error is None:
        return "OK", ""
    if isinstance(error, BeatStitchError):
        return error.rule.code, reason_name(error.reason)
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED", ""
    code = context.code() if isinstance(error, grpc.aio.AbortError) else None
    return (code.name, "") if isinstance(code, grpc.StatusCode) else ("INTERNAL", "INTERNAL")


def resource(request: object, reply: object) -> str:
    """What a call was about: "asset/0192…", or where it made something, or empty."""
    asked = _ids(request)
    for what in _THINGS:
        if asked.get(what):
            return _named(what, asked[what])
    made = _ids(reply)
    for what in (*_THINGS, *_PLACES):
        if made.get(what):
            return _named(what, made[what])
    for what in _PLACES:
        if asked.get(what):
            return _named(what, asked[what])
    return ""


def address(peer: str) -> str:
    """The caller's address without the port, of what gRPC calls a peer: "ipv4:10.0.0.7:51234"."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return kind
    with_port = _PORT.fullmatch(rest)
    return (with_port["host"] if with_port else rest).strip("[]")


def _ids(message: object) -> dict[str, str]:
    """Ids by what they are of: `x_id` fields, and the `id` of a field `x`."""
    if not isinstance(message, Message):
        return {}
    found = {}
    for field, value in message.ListFields():
        if field.name.endswith("_id") and isinstance(value, str):
            found[field.name.removesuffix("_id")] = value
        elif isinstance(value, Message):
            inside = getattr(value, "id", None)
            if isinstance(inside, str):
                found[field.name] = inside
    return found


def _named(what: str, name: str) -> str:
    return f"{what}/{name[:_SHOWN]}"
