"""Asking a gRPC server whether it serves, by `grpc.health.v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from beatstitch_stack.certificates import Certificate

CHECK = "/grpc.health.v1.Health/Check"
# HealthCheckRequest{service: ""} is no bytes at all, HealthCheckResponse{status: SERVING} these
# two, so no generated code is needed.
WHOLE_SERVER = b""
SERVING = b"\x08\x01"
OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # A connection of its own each time: shared ones back off for seconds after a refusal.
    ("grpc.use_local_subchannel_pool", 1),
)


def serves(address: str, tls: Certificate | None = None, *, timeout: float = 2.0) -> bool:
    """Whether the server at `host:port` says SERVING for itself as a whole.

    Args:
        address: Where it listens.
        tls: What to show and whom to believe; None for a plain connection.
        timeout: Seconds to wait for an answer.
    """
    with _channel(address, tls) as channel:
        check: Callable[..., bytes] = channel.unary_unary(CHECK)
        try:
            return check(WHOLE_SERVER, timeout=timeout) == SERVING
        except grpc.RpcError:
            return False


def _channel(address: str, tls: Certificate | None) -> grpc.Channel:
    if tls is None:
        return grpc.insecure_channel(address, options=OPTIONS)
    ca, cert, key = (path.read_bytes() for path in tls)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert), OPTIONS)
