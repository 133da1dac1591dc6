"""Which part of a clip a segment shows, where any part is as good as another.

A clip that comes again goes on where it ended before, as long as enough of it remains; else it
begins anew. A transition shows a clip outside its segment (see beatstitch_core.edl.ways_in), so the
part has room for that wherever the clip is long enough: first for what comes after the segment, a
clip that would run out there, then for what comes before it, where the first frame can stand. A
segment longer than the clip takes all of it and the fill policy does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from beatstitch_timeline.choice.needs import Need


class Source(NamedTuple):
    """A part of a clip, in microseconds from its first frame."""

    in_us: int
    out_us: int


class Room(NamedTuple):
    """Where the in-point of a part may lie in a clip, and how long the part is.

    Attributes:
        first_in_us: The earliest in-point.
        last_in_us: The latest; not before the earliest.
        length_us: From the in-point to the out-point.
    """

    first_in_us: int
    last_in_us: int
    length_us: int


def room(begin_us: int, end_us: int, need: Need) -> Room:
    """The room that a clip, or the part of it that may be shown, leaves for a need."""
    length = end_us - begin_us
    if length <= need.body_us:
        return Room(begin_us, begin_us, length)
    taken = min(length, need.body_us + need.tail_us)
    last = end_us - taken
    return Room(min(begin_us + need.head_us, last), last, taken)


def place(resume_us: int, space: Room) -> Source:
    """The part of a clip that was last shown up to `resume_us`."""
    begin = max(resume_us, space.first_in_us)
    if begin > space.last_in_us:
        begin = space.first_in_us
    return Source(begin, begin + space.length_us)
