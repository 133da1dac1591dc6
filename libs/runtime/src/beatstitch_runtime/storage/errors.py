"""What obstore and the disk raise, as errors of ours."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, InvalidPathError

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.redaction import redact

log = logging.getLogger(__name__)

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# The words that come with status 507, not the number: obstore's text has durations and ports too.
LONGEST_KEY_BYTES = 1024
_NO_KEY = "Could not parse path"
_STORAGE_FULL = re.compile("insufficient ?storage|no space left|no free volumes", re.IGNORECASE)


@contextmanager
def storage_errors(key: str) -> Iterator[None]:
    """Turn whatever goes wrong with the object `key` into a `BeatStitchError`."""
    check_key(key)
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise storage_error(error, key) from error


def check_key(key: str) -> None:
    """Refuse what S3 takes for no key; obstore panics where an address gets too long for it.

    Raises:
        BeatStitchError: OBJECT_MISSING: no object can have this name.
    """
    if len(key.encode("utf-8", "replace")) > LONGEST_KEY_BYTES or not key.isprintable():
        raise _missing(key[:LONGEST_KEY_BYTES])


def _missing(key: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OBJECT_MISSING,
        "an object is not in storage",
        metadata={"key": key},
    )


def storage_error(error: BaseError | OSError | ValueError, key: str) -> BeatStitchError:
    """OBJECT_MISSING, DISK_FULL or DEPENDENCY_DOWN.

    obstore's text may hold a signed URL, so it goes to the log, masked, and not into the message.

    Raises:
        ValueError: The one given, when it isn't obstore's about a key.
    """
    if isinstance(error, ValueError) and _NO_KEY not in str(error):
        raise error
    # What can be no key, "../x" for example, is no object's. obstore says so in two ways.
    if isinstance(error, (FileNotFoundError, InvalidPathError, ValueError)):
        return _missing(key)
    text = redact(str(error))
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return BeatStitchError(failure_pb2.ERROR_REASON_DISK_FULL, "no space left on the disk")
    if _STORAGE_FULL.search(text):
        return BeatStitchError(failure_pb2.ERROR_REASON_DISK_FULL, "no space left in storage")
    # The rest is a dump of obstore's insides.
    log.warning("storage failed: %s", text.partition("\n")[0][:500], extra={"key": key})
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        "storage can't be reached or refuses",
        metadata={"dependency": "storage"},
        retry_after_s=2.0,
    )
