"""Asking a gRPC server whether it serves, by `grpc.health.v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

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


def serves(address: str, *, timeout: float = 2.0) -> bool:
    """Whether the server at `host:port` says SERVING for itself as a whole."""
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        check: Callable[..., bytes] = channel.unary_unary(CHECK)
        try:
            return check(WHOLE_SERVER, timeout=timeout) == SERVING
        except grpc.RpcError:
            return False
