"""What the death of a child means, and its last words without paths."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from pathlib import Path

from google.protobuf import json_format

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch_core.errors import STDERR_TAIL_BYTES, BeatStitchError
from beatstitch_media.jail.policy import EXIT_CANNOT_START

FAILURE_MARK = "beatstitch-failure: "

_NO_MEMORY = re.compile(r"Cannot allocate memory|MemoryError|std::bad_alloc|Unable to allocate")
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
_FILE_LIMIT = re.compile(r"File too large")
_PATH = re.compile(r"(?<![\w/])/(?:[^\s/'\":,;()\[\]]+/)+([^\s/'\":,;()\[\]]*)")
_CPU_SIGNAL = -signal.SIGXCPU
_FILE_SIGNAL = -signal.SIGXFSZ


def without_paths(text: str, known: Iterable[Path] = ()) -> str:
    """The text with absolute paths replaced by file names.

    Args:
        text: A child's last words.
        known: Paths that may appear and hold spaces, which a pattern can't find.
    """
    for path in sorted({str(path) for path in known}, key=len, reverse=True):
        text = text.replace(path, Path(path).name)
    return _PATH.sub(r"\1", text)


def tail(stderr: bytes, known: Iterable[Path] = ()) -> str:
    """The last 8 KiB of a child's stderr, paths removed."""
    text = without_paths(stderr.decode(errors="replace"), known)
    return text.encode()[-STDERR_TAIL_BYTES:].decode(errors="ignore").strip()


def _own_failure(stderr: bytes) -> BeatStitchError | None:
    """The error that a Python child of ours reported (see `child.main`)."""
    last = stderr.rstrip().rsplit(b"\n", 1)[-1].decode(errors="replace")
    if not last.startswith(FAILURE_MARK):
        return None
    failure = failure_pb2.Failure()
    try:
        json_format.Parse(last.removeprefix(FAILURE_MARK), failure, ignore_unknown_fields=True)
    except json_format.ParseError:
        return None
    return BeatStitchError.from_failure(failure)


def error_of(
    code: int,
    stderr: bytes,
    *,
    what: str,
    timeout_reason: ErrorReason.ValueType,
    known: Iterable[Path] = (),
) -> BeatStitchError:
    """The error a child's end stands for.

    Args:
        code: Exit code; negative signal number.
        stderr: Its last words.
        what: What it was doing, for people, for example "reading song.mp3".
        timeout_reason: The reason where it used up its CPU time.
        known: Paths to remove from its last words.
    """
    own = _own_failure(stderr)
    if own is not None:
        return own
    words = tail(stderr, known)
    if code == _CPU_SIGNAL:
        return BeatStitchError(timeout_reason, f"{what} used up its CPU time", stderr_tail=words)
    if code == -signal.SIGKILL or _NO_MEMORY.search(words):
        reason, text = failure_pb2.ERROR_REASON_OUT_OF_MEMORY, "needs more memory than it may use"
    elif _NO_SPACE.search(words):
        reason, text = failure_pb2.ERROR_REASON_DISK_FULL, "found no space left on the disk"
    elif code == _FILE_SIGNAL or _FILE_LIMIT.search(words):
        reason, text = failure_pb2.ERROR_REASON_FFMPEG_FAILED, "wrote more than it may"
    elif code < 0:
        name = signal.Signals(-code).name
        reason, text = failure_pb2.ERROR_REASON_FFMPEG_FAILED, f"was ended by {name}"
    else:
        reason, text = failure_pb2.ERROR_REASON_FFMPEG_FAILED, f"failed with exit code {code}"
    metadata = {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": str(code)}
    return BeatStitchError(reason, f"{what} {text}", metadata=metadata, stderr_tail=words)


def is_inputs_fault(error: BeatStitchError) -> bool:
    """Whether a child that read a stranger's file failed because of the file.

    Not where it was never started, nor where a machine short of memory killed it.
    """
    if error.reason == failure_pb2.ERROR_REASON_OUT_OF_MEMORY:
        return "signal" not in error.metadata
    started = error.metadata.get("exit_code") != str(EXIT_CANNOT_START)
    return error.reason == failure_pb2.ERROR_REASON_FFMPEG_FAILED and started
