"""Which picture is in which frame of a piece, in integers.

A clip's time at output frame f is source_in + (f - in_frame) / frame rate. Before in_frame, while
it fades in, that reaches back before source_in and stops at the clip's first frame. After
source_out the clip begins again (LOOP) or stands (HOLD).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import US_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent, ChunkSegment
    from beatstitch.v1.common_pb2 import Rational

# A frame counts as shown from this long before its own time stamp: containers round time stamps to
# as little as a millisecond, and times here are rounded to microseconds.
TOLERANCE_US = 1_000
WHOLE = 65_536


@dataclass(frozen=True, slots=True)
class Layer:
    """One picture in one output frame.

    Attributes:
        segment: Index into the piece's segments.
        time_us: Time in the clip; 0 for a still picture.
        step: Frames since the segment's first, for moves over a still picture; never below 0.
        weight: Its share in 1/65536; 65536 for the lower one, which the upper one covers.
    """

    segment: int
    time_us: int
    step: int
    weight: int = WHOLE


def layers(content: ChunkContent) -> Iterator[tuple[Layer, ...]]:
    """For each frame of the piece what it shows: one layer, or two while one fades in."""
    segments = content.segments
    rate = content.output.frame_rate
    current = 0
    for frame in range(content.frame_count):
        while segments[current].out_frame <= frame:
            current += 1
        base = _layer(segments, current, frame, rate)
        weight = _fade_weight(segments, current + 1, frame)
        if weight == 0:
            yield (base,)
        else:
            yield (base, _layer(segments, current + 1, frame, rate, weight))


def clip_time_us(segment: ChunkSegment, frame: int, rate: Rational) -> int:
    """The time in the clip that an output frame shows, in microseconds, rounded down."""
    elapsed = (frame - segment.in_frame) * US_PER_S * (rate.den or 1) // rate.num
    begin, length = segment.source_in_us, segment.source_out_us - segment.source_in_us
    if elapsed < 0:
        return max(0, begin + elapsed)
    # What comes within the tolerance of the end counts as the end: its last frame is over.
    if elapsed + TOLERANCE_US < length:
        return begin + elapsed
    if segment.fill == edl_pb2.FILL_POLICY_HOLD or length <= TOLERANCE_US:
        return max(begin, segment.source_out_us - TOLERANCE_US - 1)
    return begin + max(0, (elapsed + TOLERANCE_US) % length - TOLERANCE_US)


def cut_frames(content: ChunkContent) -> list[int]:
    """Frames of the piece that begin a segment, the piece's first frame included."""
    count = content.frame_count
    inner = {s.in_frame for s in content.segments if 0 < s.in_frame < count}
    return sorted({0, *inner})


def _layer(
    segments: Sequence[ChunkSegment], index: int, frame: int, rate: Rational, weight: int = WHOLE
) -> Layer:
    segment = segments[index]
    step = max(0, frame - segment.in_frame)
    time_us = clip_time_us(segment, frame, rate) if segment.source_out_us > 0 else 0
    return Layer(index, time_us, step, weight)


def _fade_weight(segments: Sequence[ChunkSegment], index: int, frame: int) -> int:
    """How much of the next segment is in already: 0 before its fade, then less than the whole."""
    if index >= len(segments):
        return 0
    way_in = segments[index].transition_in
    done = frame - (segments[index].in_frame - way_in.frames) + 1
    return max(0, done) * WHOLE // (way_in.frames + 1)
