"""Ends with 0 when the service in this container says SERVING: an image's HEALTHCHECK.

Kubernetes asks by gRPC itself; this is for docker and podman, whose images hold no grpcurl.
"""

from __future__ import annotations

import os
import sys

import grpc
from grpc_health.v1 import health_pb2

TIMEOUT_S = 3.0


def healthy(address: str, service: str = "") -> bool:
    """Whether the server at `host:port` serves `service`, or at all when it is empty."""
    with grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),)) as channel:
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


if __name__ == "__main__":
    port = os.environ.get("BEATSTITCH_GRPC_PORT", "50051")
    sys.exit(0 if healthy(f"127.0.0.1:{port}", *sys.argv[1:2]) else 1)
