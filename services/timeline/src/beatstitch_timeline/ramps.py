"""Clips that gain speed towards the next cut.

A ramped segment uses up more of its clip than it is long (less where it slows down). Whether a
clip has that much the choice sees: where it hasn't, the segment has no ramp, because a loop in the
middle of a rush would be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1.edl_pb2 import Speed, SpeedPoint
from beatstitch_core.edl.speed import NORMAL
from beatstitch_core.timebase import frame_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.timeline_rules_pb2 import SpeedRamp

_PERMILLE = 1_000
_US_PER_MS = 1_000


def ramps(ramp: SpeedRamp, lengths: Sequence[int], rate: Rational) -> list[Speed | None]:
    """How fast a clip runs in each segment.

    Args:
        ramp: With its duration given; a peak of 0 is no ramp.
        lengths: The segments' lengths in frames.
        rate: Frames per second.

    Returns:
        One speed a segment, None for normal; None for the last, which no cut follows.
    """
    known = {frames: ramp_speed(ramp, frames, rate) for frames in {*lengths[:-1]}}
    return [known[frames] for frames in lengths[:-1]] + [None]


def ramp_speed(ramp: SpeedRamp, frames: int, rate: Rational) -> Speed | None:
    """The speed of a segment that ends with a cut.

    Args:
        ramp: With its duration given; a peak of 0 is no ramp.
        frames: The segment's length, above 0.
        rate: Frames per second.

    Returns:
        Normal speed up to the ramp, then linear to the peak in the frame of the next cut; None
        where that is normal speed all along.
    """
    if ramp.peak_permille in {0, _PERMILLE}:
        return None
    peak = (ramp.peak_permille * NORMAL + _PERMILLE // 2) // _PERMILLE
    length = min(frames, max(1, frame_at(ramp.duration_ms * _US_PER_MS, rate)))
    speed = Speed(points=[SpeedPoint(frame=0, rate=NORMAL)])
    if length < frames:
        speed.points.add(frame=frames - length, rate=NORMAL)
    speed.points.add(frame=frames, rate=peak)
    return speed
