"""`BeatStitchError` ↔ a failed gRPC call."""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch_core.error_details import error_of, status_of
from beatstitch_core.errors import BeatStitchError

DETAILS_KEY = "grpc-status-details-bin"

_CODES = {code.name: code for code in grpc.StatusCode}
# What a call that failed without our details means to the caller.
_REASONS: dict[grpc.StatusCode, ErrorReason.ValueType] = {
    grpc.StatusCode.UNAVAILABLE: failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
    grpc.StatusCode.CANCELLED: failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED: failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED: failure_pb2.ERROR_REASON_UNIMPLEMENTED,
    grpc.StatusCode.UNAUTHENTICATED: failure_pb2.ERROR_REASON_UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: failure_pb2.ERROR_REASON_PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT: failure_pb2.ERROR_REASON_FIELD_INVALID,
    grpc.StatusCode.RESOURCE_EXHAUSTED: failure_pb2.ERROR_REASON_RATE_LIMITED,
}


def code_of(error: BeatStitchError) -> grpc.StatusCode:
    """The status code that follows from the error's reason."""
    return _CODES[error.rule.code]


def details_of(error: BeatStitchError, request_id: str = "") -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries the whole error."""
    status = status_of(error)
    if request_id:
        status.details.add().Pack(RequestInfo(request_id=request_id))
    return ((DETAILS_KEY, status.SerializeToString()),)


def error_from_rpc(error: grpc.aio.AioRpcError, dependency: str) -> BeatStitchError:
    """The error that a failed call of ours stands for.

    Args:
        error: What grpc raised.
        dependency: Who was called, for the metadata of DEPENDENCY_DOWN.
    """
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                known = error_of(Status.FromString(value))
            except DecodeError:
                known = None
            if known is not None:
                return known
    reason = _REASONS.get(error.code(), failure_pb2.ERROR_REASON_INTERNAL)
    message = f"{dependency} answered {error.code().name}"
    return BeatStitchError(reason, message, metadata={"dependency": dependency})
