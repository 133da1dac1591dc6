"""Ends with 0 when the service in this container says SERVING: an image's HEALTHCHECK.

Kubernetes asks by gRPC itself; this is for docker and podman, whose images hold no grpcurl. Where
the port is encrypted, it asks as the service itself: with the service's own certificate.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

TIMEOUT_S = 3.0
PREFIX = "BEATSTITCH_GRPC_TLS_"


def healthy(address: str, service: str = "") -> bool:
    """Whether the server at `host:port` serves `service`, or at all when it is empty."""
    with _channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(
                health_pb2.HealthCheckRequest(service=service),
                timeout=TIMEOUT_S,
                wait_for_ready=True,
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _channel(address: str) -> grpc.Channel:
    options: tuple[tuple[str, object], ...] = (("grpc.enable_http_proxy", 0),)
    cert = os.environ.get(f"{PREFIX}CERT")
    if not cert:
        return grpc.insecure_channel(address, options=options)
    own = Path(cert).read_bytes()
    key = Path(os.environ[f"{PREFIX}KEY"]).read_bytes()
    # The authority that signs for NATS signs for the services; none is needed for a public port.
    ca = os.environ.get(f"{PREFIX}CLIENT_CA") or os.environ.get("BEATSTITCH_NATS_TLS_CA")
    roots = Path(ca).read_bytes() if ca else None
    if name := os.environ.get("BEATSTITCH_HEALTH_NAME"):
        options += (("grpc.default_authority", name),)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(roots, key, own), options)


if __name__ == "__main__":
    port = os.environ.get("BEATSTITCH_GRPC_PORT", "50051")
    sys.exit(0 if healthy(f"127.0.0.1:{port}", *sys.argv[1:2]) else 1)
