"""How much of a clip a segment shows, its way in and the next one's included."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import handles, reach
from beatstitch_core.timebase import frame_time_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Speed, Transition
    from beatstitch_timeline.rules import Span


class Need(NamedTuple):
    """What a segment shows of a clip, in microseconds of the clip.

    Attributes:
        head_us: Before its in-point, while it comes in.
        body_us: From its in-point to the end of the segment; above 0.
        tail_us: After that, while it goes out.
        frames: The segment's frames, and those in which it goes out.
    """

    head_us: int
    body_us: int
    tail_us: int
    frames: int


class Needs:
    """The needs of all segments; equal ones are computed once.

    Args:
        spans: The segments' frames.
        ways_in: How each begins.
        speeds: How fast a clip would run in each; None for normal speed.
        rate: Frames per second.
    """

    def __init__(
        self,
        spans: Sequence[Span],
        ways_in: Sequence[Transition],
        speeds: Sequence[Speed | None] | None,
        rate: Rational,
    ) -> None:
        self._spans, self._ways_in, self._speeds = spans, ways_in, speeds
        self._rate = rate
        self._known: dict[tuple[int, int, int], Need] = {}

    def of(self, index: int) -> Need:
        """What segment `index` shows of a clip at normal speed."""
        frames = self._spans[index].frames
        before, after = self._before(index), self._after(index)
        key = (frames, before, after)
        if key not in self._known:
            body = frame_time_us(frames, self._rate)
            whole = frame_time_us(frames + after, self._rate)
            head = frame_time_us(before, self._rate)
            self._known[key] = Need(head, body, whole - body, frames + after)
        return self._known[key]

    def ramped(self, index: int) -> tuple[Speed, Need] | None:
        """The speed of a clip in segment `index` and what it shows then; None at normal speed."""
        speed = self._speeds[index] if self._speeds is not None else None
        if speed is None:
            return None
        frames, after = self._spans[index].frames, self._after(index)
        head = -source_offset_us(speed, -self._before(index), self._rate)
        body = max(1, source_offset_us(speed, frames, self._rate))
        whole = source_offset_us(speed, frames + after, self._rate)
        return speed, Need(head, body, max(0, whole - body), frames + after)

    def _before(self, index: int) -> int:
        way = self._ways_in[index]
        return reach(way).before if handles(way.type).head else 0

    def _after(self, index: int) -> int:
        if index + 1 == len(self._ways_in):
            return 0
        way = self._ways_in[index + 1]
        return reach(way).after if handles(way.type).tail else 0
