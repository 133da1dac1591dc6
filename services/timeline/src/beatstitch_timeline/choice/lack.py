"""What is said when nothing can be shown in a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from beatstitch_timeline.choice.pool import Candidate


def none_usable() -> BeatStitchError:
    """NOT_ENOUGH_MEDIA before the first segment."""
    return _not_enough("the windows of the choice leave nothing of any clip", 0)


def none_long_enough(segment: int, need_us: int, longest: Candidate) -> BeatStitchError:
    """NOT_ENOUGH_MEDIA where clips may still be shown, and each is too short."""
    return _not_enough(
        f"segment {segment} is {need_us} µs long and no clip that may be shown is: the "
        f"longest, {longest.media.filename!r}, has {longest.length_us} µs",
        segment,
        asset_id=longest.media.asset_id,
        needed_us=str(need_us),
        longest_us=str(longest.length_us),
    )


def all_shown(segment: int, count: int) -> BeatStitchError:
    """NOT_ENOUGH_MEDIA where each may be shown once, and was."""
    return _not_enough(
        f"all media are shown after {segment} of {count} segments, and showing "
        "them again is forbidden",
        segment,
        segments=str(count),
    )


def _not_enough(message: str, segment: int, **metadata: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_NOT_ENOUGH_MEDIA,
        message,
        metadata={"segment": str(segment), **metadata},
    )
