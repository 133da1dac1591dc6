"""Which picture is in which frame of a piece, in integers.

A clip's time at output frame f is source_in plus what its speed has run through in f - in_frame
frames. Before in_frame, while it comes in, that reaches back before source_in and stops at the
clip's first frame. After source_out the clip begins again (LOOP) or stands (HOLD), within its
segment and after it, while the next one comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import reach

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
        step: Frames since the segment's first; below 0 while it comes in, and as many as the
            segment has or more while it goes out.
        weight: How far its way in is done in 1/65536; 65536 for the lower one.
    """

    segment: int
    time_us: int
    step: int
    weight: int = WHOLE


def layers(content: ChunkContent) -> Iterator[tuple[Layer, ...]]:
    """For each frame of the piece what it shows: one layer, or while a segment comes in two.

    The upper one of two is the segment that comes in, by its `transition_in`.
    """
    segments = content.segments
    rate = content.output.frame_rate
    current = 0
    for frame in range(content.frame_count):
        while segments[current].out_frame <= frame:
            current += 1
        # A transition takes at most half of either neighbour: never two in one frame.
        for coming in (current + 1, current):
            weight = _weight(segments, coming, frame)
            if weight > 0:
                lower = _layer(segments, coming - 1, frame, rate)
                yield (lower, _layer(segments, coming, frame, rate, weight))
                break
        else:
            yield (_layer(segments, current, frame, rate),)


def clip_time_us(segment: ChunkSegment, frame: int, rate: Rational) -> int:
    """The time in the clip that an output frame shows, in microseconds."""
    elapsed = source_offset_us(segment.speed, frame - segment.in_frame, rate)
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
    time_us = clip_time_us(segment, frame, rate) if segment.source_out_us > 0 else 0
    return Layer(index, time_us, frame - segment.in_frame, weight)


def _weight(segments: Sequence[ChunkSegment], index: int, frame: int) -> int:
    """How far a segment's way in is done: 0 outside of its reach, inside less than the whole."""
    if not 0 < index < len(segments):
        return 0
    before, after = reach(segments[index].transition_in)
    done = frame - (segments[index].in_frame - before) + 1
    return done * WHOLE // (before + after + 1) if 0 < done <= before + after else 0
