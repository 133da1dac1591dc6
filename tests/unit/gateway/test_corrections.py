"""Errors of corrections speak of the request, whatever was corrected before."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.corrections import about_request


def refusal(index: int) -> BeatStitchError:
    field = f"edits[{index}].add_beat.time_us"
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDIT_INVALID,
        f"{field}: there is a beat already",
        metadata={"edit": str(index)},
        violations=[FieldViolation(field=field, description="there is a beat already")],
    )


def test_an_edit_of_the_request_is_counted_from_its_first():
    error = about_request(refusal(5), before=3)
    assert error.metadata == {"edit": "2"}
    assert error.violations[0].field == "edits[2].add_beat.time_us"
    assert error.message.startswith("edits[2].add_beat")


def test_an_edit_from_before_is_named_as_such():
    error = about_request(refusal(1), before=3)
    assert error.metadata == {"earlier_edit": "1"}
    assert error.violations[0].field == "overlay.edits[1].add_beat.time_us"


def test_other_errors_stay():
    error = BeatStitchError(failure_pb2.ERROR_REASON_OBJECT_MISSING, "gone")
    assert about_request(error, before=3) is error
