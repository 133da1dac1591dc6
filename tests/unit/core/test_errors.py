import pytest

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason, FieldViolation
from beatstitch_core.errors import (
    REASONS,
    STDERR_TAIL_BYTES,
    BeatStitchError,
    field_error,
    fields_error,
    reason_from_name,
    reason_name,
)

ALL = [value for value in ErrorReason.values() if value]


@pytest.mark.parametrize("reason", ALL, ids=reason_name)
def test_every_reason_has_a_rule_and_survives_its_name(reason):
    assert REASONS[reason].code.isupper()
    assert reason_from_name(reason_name(reason)) == reason


def test_a_reason_from_a_newer_server_is_internal():
    assert reason_from_name("INVENTED_TOMORROW") == failure_pb2.ERROR_REASON_INTERNAL


def test_a_failure_keeps_all_of_the_error():
    error = BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT,
        "clip.mp4 can't be decoded",
        metadata={"asset_id": "a"},
        stderr_tail="moov atom not found",
    )
    failure = error.to_failure()
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert not failure.retryable
    back = BeatStitchError.from_failure(failure)
    assert (back.reason, back.message, back.metadata, back.stderr_tail) == (
        error.reason,
        error.message,
        error.metadata,
        error.stderr_tail,
    )


def test_a_storage_outage_is_the_systems_and_passing():
    failure = BeatStitchError(failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, "storage away").to_failure()
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_SYSTEM
    assert failure.retryable


def test_the_tail_of_stderr_keeps_the_last_words():
    error = BeatStitchError(
        failure_pb2.ERROR_REASON_FFMPEG_FAILED, "x", stderr_tail="é" * STDERR_TAIL_BYTES + "the end"
    )
    assert len(error.stderr_tail.encode()) <= STDERR_TAIL_BYTES
    assert error.stderr_tail.endswith("the end")


def test_all_wrong_fields_are_told_at_once():
    error = fields_error(
        [FieldViolation(field="a", description="1"), FieldViolation(field="b", description="2")]
    )
    assert [item.field for item in error.violations] == ["a", "b"]
    assert "a: 1" in error.message
    assert "b: 2" in error.message
    assert field_error("a", "1").reason == failure_pb2.ERROR_REASON_FIELD_INVALID
