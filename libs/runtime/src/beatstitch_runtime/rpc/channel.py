"""Calling other services: one channel each, a deadline on every call, errors of ours."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import grpc
import grpc.aio

from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_runtime.telemetry import request_id
from beatstitch_runtime.tls import TlsFiles, channel_credentials
from beatstitch_runtime.traceparent import TRACEPARENT, traceparent

REQUEST_ID = "x-request-id"
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

Reply = TypeVar("Reply")

# When the call being served ends, by time.monotonic: what it calls has no longer.
call_deadline: ContextVar[float | None] = ContextVar("call_deadline", default=None)


def open_channel(
    address: str,
    *,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    tls: TlsFiles | None = None,
    server_name: str = "",
) -> grpc.aio.Channel:
    """A channel to `host:port` (or any gRPC target); it connects, and connects again, by itself.

    Spreads calls over all addresses that the name has (a headless Kubernetes service), pings idle
    connections so that a dead peer is noticed, and never goes through a proxy.

    Args:
        address: The target.
        max_message_bytes: Largest message in either direction.
        tls: Encrypt, with these files; None, or files that say nothing, for a plain connection.
        server_name: The name that the server's certificate has to carry; the target's when empty.

    Raises:
        OSError: The files can't be used.
    """
    policy: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    options: tuple[tuple[str, object], ...] = (
        ("grpc.service_config", json.dumps(policy)),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # Pings beside data have a time of their own, a minute by default.
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    )
    if tls is None or not tls.wanted:
        return grpc.aio.insecure_channel(address, options=options)
    if server_name:
        options += (("grpc.default_authority", server_name),)
    return grpc.aio.secure_channel(address, channel_credentials(tls), options=options)


def remaining_s(timeout_s: float | None) -> float | None:
    """The time a call may take: `timeout_s`, or less when the call being served ends earlier."""
    ends = call_deadline.get()
    if ends is None:
        return timeout_s
    left = max(ends - time.monotonic(), 0.001)
    return left if timeout_s is None else min(left, timeout_s)


def outgoing_metadata() -> tuple[tuple[str, str], ...]:
    """What every call carries on: the request's id, and the trace it belongs to."""
    context = traceparent()
    return ((REQUEST_ID, request_id()), *(((TRACEPARENT, context),) if context else ()))


async def call(
    method: Callable[..., grpc.aio.UnaryUnaryCall[Any, Reply]],
    request: object,
    *,
    timeout_s: float,
    dependency: str,
    wait_for_ready: bool = False,
) -> Reply:
    """Call a unary method of a stub.

    Args:
        method: For example `stub.ProbeMedia`.
        request: Its request.
        timeout_s: Deadline, seconds.
        dependency: Who is called, for errors: "renderer".
        wait_for_ready: Whether to wait, until the deadline, for a server that isn't there.

    Raises:
        BeatStitchError: The server's own error, or DEPENDENCY_DOWN, DEADLINE_EXCEEDED ….
    """
    try:
        return await method(
            request,
            timeout=remaining_s(timeout_s),
            metadata=outgoing_metadata(),
            wait_for_ready=wait_for_ready,
        )
    except grpc.aio.AioRpcError as error:
        raise error_from_rpc(error, dependency) from error


async def call_stream(
    method: Callable[..., grpc.aio.UnaryStreamCall[Any, Reply]],
    request: object,
    *,
    timeout_s: float | None,
    dependency: str,
) -> AsyncIterator[Reply]:
    """Call a server-streaming method of a stub; leaving the loop early cancels the call.

    Raises:
        BeatStitchError: As in `call`.
    """
    stream = method(request, timeout=remaining_s(timeout_s), metadata=outgoing_metadata())
    try:
        async for item in stream:
            yield item
    except grpc.aio.AioRpcError as error:
        raise error_from_rpc(error, dependency) from error
    finally:
        stream.cancel()
