"""How fast a clip runs when its segment is cut, joined, or another length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1.edl_pb2 import Speed
from beatstitch_core.edl.speed import rate_at
from beatstitch_core.timebase import round_half_up

if TYPE_CHECKING:
    from collections.abc import Iterable


def first_part(speed: Speed, frames: int) -> Speed:
    """The speed of a segment's first `frames` frames; 1 or more."""
    points = [(point.frame, point.rate) for point in speed.points]
    kept = [point for point in points if point[0] <= frames]
    if len(kept) < len(points) and kept[-1][0] < frames:
        kept.append((frames, round_half_up(rate_at(speed, frames))))
    return _speed(kept)


def later_part(speed: Speed, frame: int) -> Speed:
    """The speed from a frame on, which is the first afterwards; negative: from before the first."""
    points = [(point.frame, point.rate) for point in speed.points]
    if not points or (len(points) == 1 and frame < 0):
        return _speed(points)
    later = [(at - frame, rate) for at, rate in points if at > frame]
    return _speed([(0, round_half_up(rate_at(speed, frame))), *later])


def joined(first: Speed, second: Speed, at: int) -> Speed | None:
    """The speed that was cut into the two at frame `at`; None where they were not one."""
    before = [(point.frame, point.rate) for point in first.points if point.frame < at]
    after = [(point.frame + at, point.rate) for point in second.points]
    if not before or not after:
        return Speed() if not first.points and not second.points else None
    # The point at the border is there only since it was cut, or was there before.
    for points in ([*before, *after[1:]], [*before, *after]):
        whole = _speed(points)
        if first_part(whole, at) == first and later_part(whole, at) == second:
            return whole
    return None


def _speed(points: Iterable[tuple[int, int]]) -> Speed:
    speed = Speed()
    for frame, rate in points:
        speed.points.add(frame=frame, rate=rate)
    return speed
