"""Server reflection under both of its names.

grpcio-reflection serves v1alpha only; newer tools ask for v1 first. The messages are the same but
for their package, so the one servicer answers to both names.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer

V1 = "grpc.reflection.v1.ServerReflection"


def add_reflection(server: grpc.aio.Server, names: Iterable[str]) -> None:
    """Answer reflection about the named services, and about itself."""
    servicer = ReflectionServicer((*names, reflection.SERVICE_NAME, V1))
    add = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
    add(servicer, server)  # type: ignore[no-untyped-call]
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(V1, {"ServerReflectionInfo": method}),)
    )
