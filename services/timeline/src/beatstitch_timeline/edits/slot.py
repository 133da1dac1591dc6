"""One slot on the song."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch_core.edl.ways_in import handles, reach

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Accent, CutRule, Segment, Transition


class Place(NamedTuple):
    """The room that a slot gives to a shot.

    Attributes:
        frames: The slot's length.
        tail: How many frames the shot is still seen in the slot after it.
        last: Whether it is the video's last slot, which no cut follows.
    """

    frames: int
    tail: int
    last: bool


class Slot:
    """One stretch of the video, from its cut to the next.

    Attributes:
        begin: Its first frame.
        beat: Index of the beat it begins on; -1 for the start of the video.
        time_us: Where on the song that is; 0 for the start of the video.
        rule: Why there.
        way: How it begins; written by `begin_with` only.
        reaches: How many of its frames the shot before is still seen in.
        blows: Accents in it.
        home: The segment as it was, while nothing of the slot has changed.
    """

    __slots__ = (
        "beat",
        "begin",
        "blows",
        "by_rule",
        "home",
        "reaches",
        "rule",
        "time_us",
        "was",
        "way",
    )

    def __init__(self, segment: Segment | None = None) -> None:
        self.home = segment
        self.was = 0  # where it began before the change that is under way
        self.by_rule = True  # whether its blows are what the settings say
        if segment is not None:
            self.begin = segment.timeline_in_frame
            cut = segment.cut
            self.beat: int = cut.beat_index
            self.time_us: int = cut.beat_time_us
            self.rule: CutRule.ValueType = cut.rule
            self.begin_with(segment.transition_in)
            self.blows: list[Accent] = list(segment.accents)

    def begin_with(self, way: Transition) -> None:
        """Gives it a way in."""
        self.way = way
        shown = way.frames > 0 and handles(way.type).tail
        self.reaches = reach(way).after if shown else 0
