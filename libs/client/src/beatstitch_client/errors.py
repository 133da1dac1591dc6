"""What can go wrong between a client and a server, as exceptions.

Everything is a `BeatStitchError` with its `ErrorReason`, the same object as on the server. Some are
worth an `except` of their own: the server wasn't reached, a job ended badly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.error_details import error_of
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.v1.failure_pb2 import ErrorReason
    from beatstitch.v1.job_pb2 import Job

DETAILS_KEY = "grpc-status-details-bin"
R = failure_pb2

# For what didn't come from a BeatStitch handler: gRPC itself, or a proxy in between.
_REASONS: Mapping[grpc.StatusCode, ErrorReason.ValueType] = {
    grpc.StatusCode.INVALID_ARGUMENT: R.ERROR_REASON_FIELD_INVALID,
    grpc.StatusCode.UNAUTHENTICATED: R.ERROR_REASON_UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: R.ERROR_REASON_PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: R.ERROR_REASON_RATE_LIMITED,
    grpc.StatusCode.DEADLINE_EXCEEDED: R.ERROR_REASON_DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED: R.ERROR_REASON_UNIMPLEMENTED,
}


class ServerUnreachableError(BeatStitchError):
    """Nobody answered, or not in time."""

    def __init__(self, message: str) -> None:
        super().__init__(R.ERROR_REASON_DEPENDENCY_DOWN, message, metadata={"dependency": "server"})


class JobFailedError(BeatStitchError):
    """A job ended FAILED; carries what its failure says.

    Attributes:
        job: The job at its end.
    """

    def __init__(self, job: Job) -> None:
        failure = job.failure
        super().__init__(
            failure.reason or R.ERROR_REASON_INTERNAL,
            failure.message or "the job failed without saying why",
            metadata=failure.metadata,
            violations=failure.violations,
            stderr_tail=failure.stderr_tail,
        )
        self.job = job

    @property
    def by_user(self) -> bool:
        """Whether the input is to blame, as the server sees it."""
        return self.job.failure.origin == failure_pb2.FAILURE_ORIGIN_USER


class JobCancelledError(Exception):
    """A job ended CANCELLED.

    Attributes:
        job: The job at its end.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"the job {job.id} was cancelled")
        self.job = job


def raise_for_end(job: Job) -> None:
    """Raises what a job's end stands for, nothing for SUCCEEDED or a job that still runs.

    Raises:
        JobFailedError: It ended FAILED.
        JobCancelledError: It ended CANCELLED.
    """
    if job.state == job_pb2.JOB_STATE_FAILED:
        raise JobFailedError(job)
    if job.state == job_pb2.JOB_STATE_CANCELLED:
        raise JobCancelledError(job)


# What gRPC puts in the place of the server's status when a message is still being sent as the
# server ends the stream (grpc/grpc#36066). The real one is lost; asked again, the server tells it.
_LOST_STATUS = "Internal error from Core"


def translate(error: grpc.aio.AioRpcError) -> BeatStitchError:
    """A failed call as the error that the server meant."""
    ours = _packed(error)
    if ours is not None:
        return ours
    text = error.details() or error.code().name
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        return ServerUnreachableError(text)
    if text == _LOST_STATUS:
        return ServerUnreachableError("The server ended the call while it was being sent.")
    reason = _REASONS.get(error.code(), R.ERROR_REASON_INTERNAL)
    return BeatStitchError(reason, text, metadata={"grpc_code": error.code().name})


def _packed(error: grpc.aio.AioRpcError) -> BeatStitchError | None:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return error_of(Status.FromString(value))
            except DecodeError:
                return None
    return None
