"""Where a transition lies around its cut, and what material it needs.

A transition of n frames covers the frames [cut − before, cut + after), before + after = n. Before
the cut the new clip needs material before its in-point (a head handle), after it the old clip needs
material after its segment's end (a tail handle). Where a clip has none, its first frame stands, or
its fill policy goes on: a missing handle is never an error, only a loss of looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Transition, TransitionType

CUTS = frozenset({edl_pb2.TRANSITION_TYPE_UNSPECIFIED, edl_pb2.TRANSITION_TYPE_CUT})
DIRECTED = frozenset(
    {
        edl_pb2.TRANSITION_TYPE_WIPE,
        edl_pb2.TRANSITION_TYPE_SLIDE,
        edl_pb2.TRANSITION_TYPE_PUSH,
    }
)
"""Types that move in a direction; others must not name one."""


class Reach(NamedTuple):
    """How many frames a transition covers on either side of its cut."""

    before: int
    after: int


def reach(transition: Transition) -> Reach:
    """How far the transition reaches; (0, 0) for a cut."""
    frames = 0 if transition.type in CUTS else transition.frames
    if transition.align == edl_pb2.TRANSITION_ALIGN_START:
        return Reach(0, frames)
    if transition.align == edl_pb2.TRANSITION_ALIGN_CENTRE:
        before = (frames + 1) // 2
        return Reach(before, frames - before)
    return Reach(frames, 0)


class Handles(NamedTuple):
    """Which of the two clips is seen outside its own segment, where the reach asks for it."""

    head: bool
    tail: bool


def handles(kind: TransitionType.ValueType) -> Handles:
    """Which handles a type of transition shows."""
    if kind in CUTS:
        return Handles(head=False, tail=False)
    # Through black or white, too: half of the old one and half of the new one is seen.
    return Handles(head=True, tail=True)
