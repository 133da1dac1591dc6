"""One segment at another rate and in another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Accent, Segment, Speed, Transition
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import CUTS, handles, reach
from beatstitch_core.timebase import frame_time_ms, rate_fraction, round_half_up
from beatstitch_timeline.moves import reshaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, OutputFormat

    Span = tuple[int, int, int]


class Reshape:
    """Brings the segments of an EDL to another output.

    Args:
        edl: The EDL.
        output: The shape, all fields given.
        media: The assets that it names.
    """

    def __init__(self, edl: Edl, output: OutputFormat, media: Sequence[ReadyMedia]) -> None:
        self._edl, self._output = edl, output
        self._media = {item.asset_id: item for item in media}
        self._scale = rate_fraction(output.frame_rate) / rate_fraction(edl.output.frame_rate)

    def segments(self, spans: Sequence[Span]) -> Iterator[Segment]:
        """The segments, as (index in the EDL, first frame, one past the last) each."""
        ways = [self._way(spans, k) for k in range(len(spans))]
        ways.append(Transition())
        for k, span in enumerate(spans):
            yield self._segment(k, span, ways[k], ways[k + 1])

    def _segment(self, index: int, span: Span, way: Transition, way_out: Transition) -> Segment:
        source, begin, end = span
        old, rate = self._edl.segments[source], self._output.frame_rate
        segment = Segment()
        segment.CopyFrom(old)
        segment.index = index
        segment.timeline_in_frame, segment.timeline_out_frame = begin, end
        segment.timeline_in_ms = frame_time_ms(begin, rate)
        segment.timeline_out_ms = frame_time_ms(end, rate)
        segment.render_duration_ms = segment.timeline_out_ms - segment.timeline_in_ms
        segment.transition_in.CopyFrom(way)
        del segment.accents[:]
        segment.accents.extend(self._accents(old, begin, end))
        if segment.HasField("speed"):
            segment.speed.CopyFrom(self._speed(old, end - begin))
        if old.media_type == common_pb2.MEDIA_TYPE_VIDEO:
            segment.source_out_us = self._source_out(source, segment, _tail(way_out))
        elif old.effect.HasField("ken_burns"):
            item = self._media.get(old.media_asset_id)
            move = reshaped(
                old.effect.ken_burns,
                (item.info.width, item.info.height) if item else (0, 0),
                (self._edl.output, old.fit),
                (self._output, old.fit),
            )
            segment.effect.ken_burns.CopyFrom(move)
        return segment

    def _way(self, spans: Sequence[Span], k: int) -> Transition:
        old = self._edl.segments[spans[k][0]].transition_in
        if k == 0 or old.type in CUTS:
            return old if old.type in CUTS else Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
        most = min(span[2] - span[1] for span in spans[k - 1 : k + 1]) // 2
        frames = min(max(1, round_half_up(old.frames * self._scale)), most)
        if frames < 1:
            return Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
        way = Transition()
        way.CopyFrom(old)
        way.frames = frames
        return way

    def _accents(self, old: Segment, begin: int, end: int) -> Iterator[Accent]:
        for accent in old.accents:
            frame = round_half_up((old.timeline_in_frame + accent.frame) * self._scale) - begin
            # One on the cut stays on the cut, whatever either rate rounds.
            frame = min(max(frame, 0), end - begin - 1) if accent.frame else 0
            frames = min(max(1, round_half_up(accent.frames * self._scale)), end - begin - frame)
            yield Accent(type=accent.type, frame=frame, frames=frames, amount=accent.amount)

    def _speed(self, old: Segment, frames: int) -> Speed:
        """The points at the new rate; a ramp that ended on the cut does so again."""
        length = old.timeline_out_frame - old.timeline_in_frame
        points: list[tuple[int, int]] = []
        for point in old.speed.points:
            frame = frames if point.frame == length else round_half_up(point.frame * self._scale)
            frame = min(frame, frames)
            while len(points) > 1 and points[-1][0] >= frame:
                points.pop()
            if not points or frame > points[-1][0]:
                points.append((frame, point.rate))
        speed = Speed()
        for frame, rate in points:
            speed.points.add(frame=frame, rate=rate)
        return speed

    def _source_out(self, index: int, segment: Segment, tail: int) -> int:
        """Where the clip ends: with its segment, if it did so before, as far as there is clip."""
        old, last = self._edl.segments[index], index + 1 == len(self._edl.segments)
        item = self._media.get(old.media_asset_id)
        if item is None or item.info.duration_us <= 0:
            return old.source_out_us
        old_tail = 0 if last else _tail(self._edl.segments[index + 1].transition_in)
        if _end_us(old, old_tail, self._edl.output.frame_rate, item) != old.source_out_us:
            return old.source_out_us
        return _end_us(segment, tail, self._output.frame_rate, item)


def _tail(way_out: Transition) -> int:
    shown = way_out.frames > 0 and handles(way_out.type).tail
    return reach(way_out).after if shown else 0


def _end_us(segment: Segment, tail: int, rate: Rational, item: ReadyMedia) -> int:
    frames = segment.timeline_out_frame - segment.timeline_in_frame + tail
    need = max(1, source_offset_us(segment.speed, frames, rate))
    return min(segment.source_in_us + need, max(item.info.duration_us, segment.source_in_us + 1))
