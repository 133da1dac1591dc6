"""How closely a clip is looked at: every frame where that is affordable, else a few places.

What decides is the clip alone, never the clock, so that every machine finds the same; the clock
only guards (`TooSlow`).
"""

from __future__ import annotations

import time

from beatstitch.v1.asset_pb2 import MediaInfo

# Nearly four minutes at 1080p30, eight at 720p30, one at 2160p30: about a minute of work.
DENSE_PIXELS = 14_000_000_000
DENSE_FRAMES = 40_000
SPARSE_STEPS = 120


class TooSlow(Exception):  # noqa: N818 - not an error: the sparse look follows
    """The machine is far slower than the budget assumes."""


def is_dense(info: MediaInfo) -> bool:
    """Whether every frame of a clip is looked at."""
    rate = info.frame_rate.num / info.frame_rate.den if info.frame_rate.den else 30.0
    frames = rate * info.duration_us / 1_000_000
    return frames <= DENSE_FRAMES and frames * info.width * info.height <= DENSE_PIXELS


class Clock:
    """Raises `TooSlow` when the time is up."""

    def __init__(self, limit_s: float) -> None:
        self._end = time.monotonic() + limit_s

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end

    def check(self) -> None:
        """Raises when the time is up."""
        if self.over:
            raise TooSlow
