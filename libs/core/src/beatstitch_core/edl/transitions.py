"""Invariants of transitions: known, as long as both neighbours allow, and saying nothing twice.

That one transition's tail never meets the next one's head inside a segment needs no check of its
own: either takes at most half of the segment, wherever it is aligned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.edl.ways_in import CUTS, DIRECTED

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Edl, Transition
    from beatstitch_core.edl.findings import Findings

_TYPES = frozenset(edl_pb2.TransitionType.values())
_ALIGNS = frozenset(edl_pb2.TransitionAlign.values())
_DIRECTIONS = frozenset(edl_pb2.Direction.values())


def check_transitions(edl: Edl, found: Findings) -> None:
    """No way into the first segment; others take at most half of either neighbour."""
    before = 0
    for i, segment in enumerate(edl.segments):
        way_in, at = segment.transition_in, f"segments[{i}].transition_in"
        length = segment.timeline_out_frame - segment.timeline_in_frame
        check_kind(way_in, at, found)
        if way_in.type in CUTS:
            if way_in.frames:
                found.add(f"{at}.frames", f"must be 0 for a cut, not {way_in.frames}")
        elif i == 0:
            found.add(f"{at}.type", "the first segment has no segment before it to come from")
        else:
            most = max(min(before, length) // 2, 0)
            if not 1 <= way_in.frames <= most:
                found.add(
                    f"{at}.frames",
                    f"must be 1 to {most} (half of either neighbour), not {way_in.frames}",
                )
        before = length


def check_kind(way_in: Transition, at: str, found: Findings) -> None:
    """Type, alignment and direction are known, and given only where they mean something."""
    kind, align, direction = way_in.type, way_in.align, way_in.direction
    if kind not in _TYPES:
        found.add(f"{at}.type", f"unknown transition {int(kind)}")
        return
    if align not in _ALIGNS:
        found.add(f"{at}.align", f"unknown alignment {int(align)}")
    elif align and kind in CUTS:
        found.add(f"{at}.align", "must not be given for a cut")
    if direction not in _DIRECTIONS:
        found.add(f"{at}.direction", f"unknown direction {int(direction)}")
    elif direction and kind not in DIRECTED:
        found.add(f"{at}.direction", "only WIPE, SLIDE and PUSH have a direction")
