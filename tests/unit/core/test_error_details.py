"""Errors as google.rpc.Status and back."""

from __future__ import annotations

import pytest
from google.rpc import error_details_pb2 as details
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.error_details import error_of, status_of
from beatstitch_core.errors import REASONS, BeatStitchError, fields_error


def kinds(status: Status) -> list[str]:
    return [item.TypeName().rpartition(".")[2] for item in status.details]


def unpack(status, kind):
    found = kind()
    assert any(item.Unpack(found) for item in status.details)
    return found


@pytest.mark.parametrize("reason", REASONS, ids=failure_pb2.ErrorReason.Name)
def test_every_reason_goes_there_and_back(reason):
    error = BeatStitchError(reason, "what", metadata={"asset_id": "7", "a": "ü"}, retry_after_s=1.5)
    status = status_of(error)
    assert Code.Name(status.code) == error.rule.code
    info = unpack(status, details.ErrorInfo)
    assert info.domain == "beatstitch"
    assert f"ERROR_REASON_{info.reason}" == failure_pb2.ErrorReason.Name(reason)
    back = error_of(Status.FromString(status.SerializeToString()))
    assert back is not None
    assert back.to_failure() == error.to_failure()
    assert back.retry_after_s == 1.5


def test_all_violations_are_told():
    error = fields_error(
        [FieldViolation(field="a", description="x"), FieldViolation(field="b.c", description="y")]
    )
    status = status_of(error)
    assert kinds(status) == ["ErrorInfo", "BadRequest"]
    assert [item.field for item in unpack(status, details.BadRequest).field_violations] == [
        "a",
        "b.c",
    ]
    assert error_of(status).violations == error.violations


def test_a_failed_precondition_is_named():
    error = BeatStitchError(
        failure_pb2.ERROR_REASON_ASSET_NOT_READY, "not yet", metadata={"asset_id": "7"}
    )
    violation = unpack(status_of(error), details.PreconditionFailure).violations[0]
    assert (violation.type, violation.subject, violation.description) == (
        "ASSET_NOT_READY",
        "asset_id:7",
        "not yet",
    )


def test_a_quota_is_named():
    error = BeatStitchError(
        failure_pb2.ERROR_REASON_QUOTA_EXCEEDED, "all used", metadata={"quota": "renders"}
    )
    assert kinds(status_of(error)) == ["ErrorInfo", "QuotaFailure"]
    assert unpack(status_of(error), details.QuotaFailure).violations[0].subject == "quota:renders"


def test_retry_only_where_it_was_said():
    limited = failure_pb2.ERROR_REASON_RATE_LIMITED
    assert kinds(status_of(BeatStitchError(limited, ""))) == ["ErrorInfo"]
    status = status_of(BeatStitchError(limited, "", retry_after_s=0.25))
    assert unpack(status, details.RetryInfo).retry_delay.ToMilliseconds() == 250
    assert error_of(status_of(BeatStitchError(limited, ""))).retry_after_s is None


def test_words_of_a_child_process_stay_here():
    error = BeatStitchError(failure_pb2.ERROR_REASON_FFMPEG_FAILED, "x", stderr_tail="secret path")
    assert b"secret" not in status_of(error).SerializeToString()


def test_what_others_packed_is_not_ours():
    assert error_of(Status(code=5, message="x")) is None
    other = Status()
    other.details.add().Pack(details.ErrorInfo(reason="FIELD_INVALID", domain="googleapis.com"))
    assert error_of(other) is None


def test_a_reason_from_a_newer_server():
    status = Status(message="new")
    status.details.add().Pack(details.ErrorInfo(reason="NEW_THING", domain="beatstitch"))
    assert error_of(status).reason == failure_pb2.ERROR_REASON_INTERNAL
