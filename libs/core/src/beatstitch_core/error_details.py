"""A `BeatStitchError` as `google.rpc.Status` and back, without gRPC.

Servers attach the packed status to a failed call (`grpc-status-details-bin`), clients unpack it, so
an error is the same object on both sides. `google.rpc.ErrorInfo` is always there; the other details
only where they say something.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.errors import (
    DOMAIN,
    BeatStitchError,
    reason_from_name,
    reason_name,
)

M = TypeVar("M", bound=Message)


def status_of(error: BeatStitchError) -> Status:
    """The error as `google.rpc.Status`: ErrorInfo first, then what else fits.

    `stderr_tail` isn't sent: it belongs to job records, and calls have no child process to show.
    """
    code = Code.Value(error.rule.code)
    status = Status(code=code, message=error.message)
    for detail in _details(error):
        status.details.add().Pack(detail)
    return status


def error_of(status: Status) -> BeatStitchError | None:
    """The error that a status of ours stands for; None when nobody of ours packed it."""
    info = _find(status, error_details_pb2.ErrorInfo)
    if info is None or info.domain != DOMAIN:
        return None
    bad_request = _find(status, error_details_pb2.BadRequest)
    retry = _find(status, error_details_pb2.RetryInfo)
    violations = () if bad_request is None else bad_request.field_violations
    return BeatStitchError(
        reason_from_name(info.reason),
        status.message,
        metadata=info.metadata,
        violations=[
            FieldViolation(field=item.field, description=item.description) for item in violations
        ],
        retry_after_s=None if retry is None else _seconds(retry.retry_delay),
    )


def _details(error: BeatStitchError) -> Iterable[Message]:
    name = reason_name(error.reason)
    yield error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata=error.metadata)
    if error.violations:
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=item.field, description=item.description
                )
                for item in error.violations
            ]
        )
    if error.rule.code == "FAILED_PRECONDITION":
        yield error_details_pb2.PreconditionFailure(
            violations=[
                error_details_pb2.PreconditionFailure.Violation(
                    type=name, subject=_subject(error), description=error.message
                )
            ]
        )
    if error.reason == failure_pb2.ERROR_REASON_QUOTA_EXCEEDED:
        yield error_details_pb2.QuotaFailure(
            violations=[
                error_details_pb2.QuotaFailure.Violation(
                    subject=_subject(error), description=error.message
                )
            ]
        )
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_after_s * 1e9))
        yield error_details_pb2.RetryInfo(retry_delay=delay)


def _subject(error: BeatStitchError) -> str:
    """What the failed condition is about, as "asset_id:0192…"; the first fact that names it."""
    for key, value in sorted(error.metadata.items()):
        if key.endswith("_id") or key in {"quota", "key"}:
            return f"{key}:{value}"
    return ""


def _find(status: Status, kind: type[M]) -> M | None:
    for detail in status.details:
        found = kind()
        if detail.Unpack(found):
            return found
    return None


def _seconds(duration: Duration) -> float:
    return float(duration.ToNanoseconds()) / 1e9
