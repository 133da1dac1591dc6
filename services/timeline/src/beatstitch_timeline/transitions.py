"""The way from segment to segment.

A transition takes at most half of either neighbour, so neither it nor the next one ever meets in
the middle of a segment, however they are aligned. Its frames belong to the segments that they lie
in: cuts stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch_core.edl.ways_in import CUTS, DIRECTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch_timeline.rules import Span


def ways_in(spans: Sequence[Span], wanted: Transition) -> list[Transition]:
    """How each segment begins.

    Args:
        spans: All segments' frames.
        wanted: What the settings ask for, its length given; a span's own wish comes first.
    """
    return [way_in(spans, index, wanted) for index in range(len(spans))]


def way_in(spans: Sequence[Span], index: int, wanted: Transition) -> Transition:
    """How segment `index` begins; a cut for the first."""
    if index == 0:
        return Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
    here = spans[index]
    return shortened(here.transition or wanted, spans[index - 1].frames, here.frames)


def shortened(wanted: Transition, frames_before: int, frames: int) -> Transition:
    """A way in between two neighbours.

    Args:
        wanted: Type and length, both given; alignment and direction where they are wanted.
        frames_before: Length of the segment before.
        frames: Length of the segment.

    Returns:
        The wanted way, shortened to what the neighbours allow; a cut where nothing is left of it.
        It is written in one way only, so that the same video has the same hash: the END of a
        transition is not set, a direction is given where the type has one and only there.
    """
    length = min(wanted.frames, frames_before // 2, frames // 2)
    if wanted.type in CUTS or length < 1:
        return Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
    way = Transition(type=wanted.type, frames=length)
    if wanted.align != edl_pb2.TRANSITION_ALIGN_END:
        way.align = wanted.align
    if way.type in DIRECTED:
        way.direction = wanted.direction or edl_pb2.DIRECTION_LEFT
    return way
