"""How shots meet: cuts, and transitions with the material that both files have for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2
from beatstitch_core.edl.ways_in import CUTS, reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.edl_pb2 import Direction, TransitionType
    from beatstitch_timeline.exports.shots import Shot


class Join(NamedTuple):
    """A transition between two shots.

    Attributes:
        before: So many of its frames lie before the cut.
        after: So many lie after it.
        type: What it is.
        direction: Where it moves to.
    """

    before: int
    after: int
    type: TransitionType.ValueType
    direction: Direction.ValueType

    @property
    def frames(self) -> int:
        """Its length."""
        return self.before + self.after


class Joins(NamedTuple):
    """The transitions of a track.

    Attributes:
        into: For each shot the transition that it begins with; None for a cut.
        shortened: How many are shorter than in the EDL, or gone.
    """

    into: list[Join | None]
    shortened: int


def joins_of(shots: Sequence[Shot]) -> Joins:
    """How each shot begins.

    Where a file has no material for all of a transition, ours holds its first or last frame or
    begins again. An editing program would refuse it, so it gets as much of it as there is.
    """
    into: list[Join | None] = []
    shortened = 0
    for index, shot in enumerate(shots):
        wanted = shot.segment.transition_in
        if index == 0 or shot.turn or wanted.type in CUTS:
            into.append(None)
            continue
        join = _possible(shots[index - 1], shot)
        shortened += join is None or join.frames < wanted.frames
        into.append(join)
    return Joins(into, shortened)


def _possible(old: Shot, new: Shot) -> Join | None:
    wanted = new.segment.transition_in
    asked = reach(wanted)
    # At least a frame of each shot stands alone: lists of events can't say less.
    before = min(asked.before, new.head, old.frames - 1)
    after = min(asked.after, old.tail, new.frames - 1)
    if before + after < 1:
        return None
    direction = wanted.direction or edl_pb2.DIRECTION_LEFT
    return Join(before, after, wanted.type, direction)
