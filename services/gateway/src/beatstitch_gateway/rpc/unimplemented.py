"""What a call answers until its handler is built."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError


def unimplemented(method: str) -> BeatStitchError:
    """UNIMPLEMENTED, for a method that the contract has and this server doesn't offer yet."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_UNIMPLEMENTED,
        f"{method} is not offered by this server yet",
        metadata={"method": method},
    )
