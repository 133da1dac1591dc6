"""The way from segment to segment.

A fade ends on its beat: at the cut's frame the new picture is fully in. Its frames belong to the
segment that it leaves, so cuts stay where they are; at most half of either neighbour fades.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Transition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch_timeline.cuts import Span


def way_in(spans: Sequence[Span], index: int, wanted: Transition) -> Transition:
    """How segment `index` begins.

    Args:
        spans: All segments' frames.
        index: The segment.
        wanted: Type and length that the settings ask for, both given.

    Returns:
        The wanted way, shortened to what the neighbours allow; a cut where nothing is left of it,
        and for the first segment.
    """
    cut = Transition(type=edl_pb2.TRANSITION_TYPE_CUT)
    if index == 0 or wanted.type == edl_pb2.TRANSITION_TYPE_CUT:
        return cut
    frames = min(wanted.frames, spans[index - 1].frames // 2, spans[index].frames // 2)
    return Transition(type=wanted.type, frames=frames) if frames > 0 else cut
