"""How the command ends: a line that says what went wrong and what to do, and a code for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch_client.errors import JobFailedError, ServerUnreachableError
from beatstitch_core.errors import BeatStitchError, reason_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.v1.failure_pb2 import ErrorReason

OK = 0
FAILED = 1
BAD_INPUT = 2
UNAVAILABLE = 3
INTERRUPTED = 130
TERMINATED = 143

EPILOG = (
    "Exit codes: 0 done · 1 the job failed, or another error · 2 wrong usage or bad input · "
    "3 the server can't be reached or is unavailable · 130 Ctrl-C (the job is cancelled) · "
    "143 SIGTERM (likewise)."
)

R = failure_pb2
_HINTS: Mapping[ErrorReason.ValueType, str] = {
    R.ERROR_REASON_UNAUTHENTICATED: "give a valid key: --api-key or BEATSTITCH_API_KEY",
    R.ERROR_REASON_PERMISSION_DENIED: "this key may not do that: use another one",
    R.ERROR_REASON_INPUT_CORRUPT: "check that the file plays, export it again, or leave it out",
    R.ERROR_REASON_INPUT_UNSUPPORTED: "convert the file, or leave it out",
    R.ERROR_REASON_INPUT_TOO_LARGE: "make it smaller, or leave it out",
    R.ERROR_REASON_AUDIO_TOO_SHORT: "take a longer song",
    R.ERROR_REASON_TOO_FEW_BEATS: "take a song with a beat, or a longer part of it",
    R.ERROR_REASON_LOW_CONFIDENCE: "look at the beats with `beatstitch analyze --proof`",
    R.ERROR_REASON_NO_READY_MEDIA: "give at least one picture or clip that can be read",
    R.ERROR_REASON_QUOTA_EXCEEDED: "delete something, or ask the operator for more",
    R.ERROR_REASON_QUEUE_FULL: "try again in a minute",
    R.ERROR_REASON_RATE_LIMITED: "try again in a minute",
    R.ERROR_REASON_EDL_HASH_MISMATCH: "somebody else changed the timeline: look again",
    R.ERROR_REASON_INTERNAL: "the server's log has the details",
}


class UsageError(Exception):
    """The command was called in a way that can't work; the message says what to do instead."""


class UnavailableError(Exception):
    """What the command needs isn't there: the stack, or one of its servers."""


def code_of(error: BaseException) -> int:
    """The exit code that an error stands for."""
    match error:
        case UsageError() | FileNotFoundError() | IsADirectoryError() | PermissionError():
            return BAD_INPUT
        case UnavailableError():
            return UNAVAILABLE
        case JobFailedError():
            return BAD_INPUT if error.by_user else FAILED
        case BeatStitchError():
            by_user = BAD_INPUT if error.rule.user else FAILED
            return UNAVAILABLE if error.rule.code == "UNAVAILABLE" else by_user
        case _:
            return FAILED


def explain(error: BaseException) -> str:
    """What went wrong and what to do, for people; a line, and one more for each wrong field."""
    match error:
        case ServerUnreachableError():
            return f"the server can't be reached: {error.message} (is the address right, is it up?)"
        case BeatStitchError():
            return _explain_ours(error)
        case FileNotFoundError():
            return f"no such file: {error.filename or error}"
        case OSError():
            return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        case TimeoutError():
            return "it took too long"
        case _:
            return str(error) or type(error).__name__


def _explain_ours(error: BeatStitchError) -> str:
    lines = []
    if error.violations:
        lines.append(f"{reason_name(error.reason)}: the request is wrong in these fields")
        lines += [f"  {item.field}: {item.description}" for item in error.violations]
    else:
        hint = _HINTS.get(error.reason)
        lines.append(str(error) + (f" ({hint})" if hint else ""))
    if error_id := error.metadata.get("error_id"):
        lines.append(f"  error id: {error_id}")
    if error.stderr_tail:
        lines.append("  last words: " + error.stderr_tail.strip().splitlines()[-1])
    return "\n".join(lines)
