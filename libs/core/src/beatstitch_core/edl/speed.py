"""How fast a clip runs, and so which of its moments is in which frame: exact integers.

The rate is linear between the points of a `Speed` and constant after the last; before frame 0 the
first rate holds. A(f), the area under it from frame 0 to f, is a rational number, so the source
time round(1 000 000 × A(f) / 65536 × den / num) is the same in every language.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch_core.timebase import US_PER_S, frame_time_us, rate_fraction, round_half_up

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Speed

NORMAL = 65_536
SLOWEST, FASTEST = 6_554, 655_360


def source_offset_us(speed: Speed, frame: int, rate: Rational) -> int:
    """Microseconds of the clip from a segment's in-point to what it shows in a frame.

    Args:
        speed: The segment's speed; without points it is normal.
        frame: Counted from the segment's timeline_in_frame; may be negative.
        rate: The timeline's frames per second.
    """
    if not speed.points:
        return frame_time_us(frame, rate)
    return round_half_up(_area(speed, frame) * US_PER_S / NORMAL / rate_fraction(rate))


def rate_at(speed: Speed, frame: int) -> Fraction:
    """The rate in a frame in 1/65536 of normal."""
    if not speed.points:
        return Fraction(NORMAL)
    for left, right in pairwise(speed.points):
        if left.frame <= frame < right.frame:
            climb = Fraction(right.rate - left.rate, right.frame - left.frame)
            return left.rate + climb * (frame - left.frame)
    return Fraction(speed.points[0 if frame < 0 else -1].rate)


def _area(speed: Speed, frame: int) -> Fraction:
    if frame <= 0:
        return Fraction(speed.points[0].rate * frame)
    area = Fraction(0)
    for left, right in pairwise(speed.points):
        end = min(frame, right.frame)
        if end <= left.frame:
            return area
        width = end - left.frame
        climb = Fraction(right.rate - left.rate, right.frame - left.frame)
        area += width * (left.rate + climb * width / 2)
    last = speed.points[-1]
    return area + last.rate * max(0, frame - last.frame)
