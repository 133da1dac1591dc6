"""The inside of a Python child of `sandbox.run`: job in, result out, errors in our own terms."""

from __future__ import annotations

import sys
from collections.abc import Callable

from google.protobuf import json_format

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.verdict import FAILURE_MARK

EXIT_FAILURE = 70


def main(work: Callable[[bytes], bytes]) -> None:
    """Gives stdin to `work`, writes what it returns to stdout, exits.

    A `BeatStitchError` reaches the caller of `sandbox.run` as it is; MemoryError as OUT_OF_MEMORY.
    Anything else is a traceback on stderr and FFMPEG_FAILED there.
    """
    try:
        result = work(sys.stdin.buffer.read())
    except BeatStitchError as error:
        _fail(error)
    except MemoryError:
        _fail(
            BeatStitchError(
                failure_pb2.ERROR_REASON_OUT_OF_MEMORY, "needs more memory than it may use"
            )
        )
    else:
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()


def _fail(error: BeatStitchError) -> None:
    text = json_format.MessageToJson(error.to_failure(), indent=None)
    sys.stderr.write(f"\n{FAILURE_MARK}{text}\n")
    raise SystemExit(EXIT_FAILURE)
