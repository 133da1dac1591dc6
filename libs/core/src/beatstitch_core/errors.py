"""One error type from the core to the wire and into job records.

`REASONS` maps every `ErrorReason` to its gRPC status code, to who can do something about it, and to
whether trying again may help. Nothing else in the code base decides any of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason, Failure, FieldViolation

DOMAIN = "beatstitch"
STDERR_TAIL_BYTES = 8 * 1024
_PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """What follows from a reason.

    Attributes:
        code: Name of the gRPC status code.
        user: Whether the caller's input is to blame (origin USER) rather than the system.
        retryable: Whether the same call or job may succeed when tried again.
    """

    code: str
    user: bool
    retryable: bool


def _user(code: str) -> ReasonRule:
    return ReasonRule(code, user=True, retryable=False)


def _system(code: str, *, retryable: bool) -> ReasonRule:
    return ReasonRule(code, user=False, retryable=retryable)


R = failure_pb2  # the enum's values live at module level; R.ERROR_REASON_X reads well below

REASONS: Mapping[ErrorReason.ValueType, ReasonRule] = {
    R.ERROR_REASON_FIELD_INVALID: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_UNAUTHENTICATED: _user("UNAUTHENTICATED"),
    R.ERROR_REASON_PERMISSION_DENIED: _user("PERMISSION_DENIED"),
    R.ERROR_REASON_PROJECT_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_ASSET_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_JOB_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_TIMELINE_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_RENDER_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_BEAT_GRID_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_EDL_HASH_MISMATCH: _user("ABORTED"),
    R.ERROR_REASON_ETAG_MISMATCH: _user("ABORTED"),
    R.ERROR_REASON_ASSET_NOT_READY: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_TOO_FEW_BEATS: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_NO_READY_MEDIA: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_NO_READY_AUDIO: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_JOB_STATE_INVALID: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_OUTPUT_NOT_AVAILABLE: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_UPLOAD_MISMATCH: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_REQUEST_ID_REUSED: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_QUOTA_EXCEEDED: _user("RESOURCE_EXHAUSTED"),
    R.ERROR_REASON_RATE_LIMITED: _system("RESOURCE_EXHAUSTED", retryable=True),
    R.ERROR_REASON_QUEUE_FULL: _system("RESOURCE_EXHAUSTED", retryable=True),
    R.ERROR_REASON_DEPENDENCY_DOWN: _system("UNAVAILABLE", retryable=True),
    R.ERROR_REASON_DRAINING: _system("UNAVAILABLE", retryable=True),
    R.ERROR_REASON_DEADLINE_EXCEEDED: _system("DEADLINE_EXCEEDED", retryable=True),
    R.ERROR_REASON_INTERNAL: _system("INTERNAL", retryable=False),
    R.ERROR_REASON_INPUT_CORRUPT: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_INPUT_UNSUPPORTED: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_INPUT_TOO_LARGE: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_AUDIO_TOO_SHORT: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_ANALYSIS_TIMEOUT: _system("DEADLINE_EXCEEDED", retryable=True),
    R.ERROR_REASON_RENDER_TIMEOUT: _system("DEADLINE_EXCEEDED", retryable=True),
    R.ERROR_REASON_MEDIA_TIMEOUT: _user("DEADLINE_EXCEEDED"),
    R.ERROR_REASON_FFMPEG_FAILED: _system("INTERNAL", retryable=True),
    R.ERROR_REASON_OUT_OF_MEMORY: _system("RESOURCE_EXHAUSTED", retryable=True),
    R.ERROR_REASON_DISK_FULL: _system("RESOURCE_EXHAUSTED", retryable=True),
    R.ERROR_REASON_WORKER_LOST: _system("UNAVAILABLE", retryable=True),
    R.ERROR_REASON_VERIFICATION_FAILED: _system("INTERNAL", retryable=False),
    R.ERROR_REASON_EDL_INVALID: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_OBJECT_MISSING: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_STAGE_FAILED: _system("INTERNAL", retryable=True),
    R.ERROR_REASON_UNIMPLEMENTED: _user("UNIMPLEMENTED"),
    R.ERROR_REASON_LOW_CONFIDENCE: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_EDIT_INVALID: _user("INVALID_ARGUMENT"),
    R.ERROR_REASON_NOT_ENOUGH_MEDIA: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_NOTHING_TO_UNDO: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_TEMPLATE_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_TEMPLATE_EXISTS: _user("ALREADY_EXISTS"),
    R.ERROR_REASON_GRID_GONE: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_TENANT_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_TENANT_EXISTS: _user("ALREADY_EXISTS"),
    R.ERROR_REASON_TENANT_SUSPENDED: _user("PERMISSION_DENIED"),
    R.ERROR_REASON_API_KEY_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_WEBHOOK_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_DELIVERY_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_OUTPUT_EXPIRED: _user("FAILED_PRECONDITION"),
    R.ERROR_REASON_IMPORT_NOT_ALLOWED: _user("PERMISSION_DENIED"),
    R.ERROR_REASON_IMPORT_NOT_FOUND: _user("NOT_FOUND"),
    R.ERROR_REASON_JOB_TIMEOUT: _system("DEADLINE_EXCEEDED", retryable=True),
    R.ERROR_REASON_TOKEN_EXPIRED: _user("INVALID_ARGUMENT"),
}


def reason_name(reason: ErrorReason.ValueType) -> str:
    """The reason as `google.rpc.ErrorInfo.reason` carries it, for example "FIELD_INVALID"."""
    return failure_pb2.ErrorReason.Name(reason).removeprefix(_PREFIX)


def reason_from_name(name: str) -> ErrorReason.ValueType:
    """The inverse of `reason_name`; INTERNAL for a name from a newer server."""
    try:
        return failure_pb2.ErrorReason.Value(_PREFIX + name)
    except ValueError:
        return R.ERROR_REASON_INTERNAL


class BeatStitchError(Exception):
    """Something went wrong that a caller can understand.

    Attributes:
        reason: What, for programs.
        message: What, for people; no secrets, paths or signed URLs.
        metadata: Facts about it, for example {"asset_id": …}.
        violations: All wrong fields, where fields are wrong.
        retry_after_s: When to try again, in seconds; None where trying again won't help.
        stderr_tail: Last words of a child process, at most 8 KiB.
    """

    def __init__(
        self,
        reason: ErrorReason.ValueType,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after_s: float | None = None,
        stderr_tail: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = list(violations)
        self.retry_after_s = retry_after_s
        self.stderr_tail = stderr_tail.encode()[-STDERR_TAIL_BYTES:].decode(errors="ignore")

    @property
    def rule(self) -> ReasonRule:
        """Status code, blame and retryability that follow from the reason."""
        return REASONS[self.reason]

    @property
    def retryable(self) -> bool:
        """Whether the same call or job may succeed when tried again."""
        return self.rule.retryable

    def __str__(self) -> str:
        """The reason's name and the message."""
        return f"{reason_name(self.reason)}: {self.message}"

    def to_failure(self) -> Failure:
        """The error as a job or an asset records it."""
        origin = R.FAILURE_ORIGIN_USER if self.rule.user else R.FAILURE_ORIGIN_SYSTEM
        return Failure(
            reason=self.reason,
            message=self.message,
            origin=origin,
            retryable=self.retryable,
            metadata=self.metadata,
            violations=self.violations,
            stderr_tail=self.stderr_tail,
        )

    @classmethod
    def from_failure(cls, failure: Failure) -> BeatStitchError:
        """The error that a recorded failure stands for."""
        return cls(
            failure.reason,
            failure.message,
            metadata=failure.metadata,
            violations=failure.violations,
            stderr_tail=failure.stderr_tail,
        )


def field_error(field: str, description: str) -> BeatStitchError:
    """FIELD_INVALID for one field."""
    return fields_error([FieldViolation(field=field, description=description)])


def fields_error(violations: Sequence[FieldViolation]) -> BeatStitchError:
    """FIELD_INVALID for all the given fields at once; `violations` is not empty."""
    text = "; ".join(f"{item.field}: {item.description}" for item in violations)
    return BeatStitchError(R.ERROR_REASON_FIELD_INVALID, text, violations=violations)
