"""Blows on beats: pictures that jump nearer, flashes of white."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Accent
from beatstitch_core.edl.pictures import UNIT
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.rules.beats import beats_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Segment
    from beatstitch.v1.timeline_rules_pb2 import AccentRule

_PERMILLE = 1_000
_US_PER_MS = 1_000


class BeatFrames(NamedTuple):
    """The frames that beats lie on, in order.

    Attributes:
        all: Those of all beats, strictly increasing: two beats in a frame are one.
        downbeats: Those of downbeats.
    """

    all: Sequence[int]
    downbeats: Sequence[int]


def beat_frames(grid: BeatGrid, offset_us: int, rate: Rational) -> BeatFrames:
    """The frames of a grid's beats.

    Args:
        grid: The beats.
        offset_us: Where in the song the video begins.
        rate: Frames per second.
    """
    beats = beats_of(grid, offset_us, rate)
    down = [frame for frame, place in zip(beats.frames, beats.places, strict=True) if place == 1]
    return BeatFrames(list(dict.fromkeys(beats.frames)), list(dict.fromkeys(down)))


def accents_of(
    rules: Iterable[AccentRule], beats: BeatFrames, segment: Segment, rate: Rational
) -> list[Accent]:
    """The accents of one segment, by frame, then by type, then in the order of their rules.

    Args:
        rules: With all fields given.
        beats: Of the song.
        segment: With its frames and its cut.
        rate: Frames per second.
    """
    begin, end = segment.timeline_in_frame, segment.timeline_out_frame
    accents: list[Accent] = []
    for rule in rules:
        frames = max(1, frame_at(rule.duration_ms * _US_PER_MS, rate))
        amount = (rule.amount_permille * UNIT + _PERMILLE // 2) // _PERMILLE
        accents += (
            Accent(
                type=rule.type, frame=frame - begin, frames=min(frames, end - frame), amount=amount
            )
            for frame in _struck(rule, beats, segment)
        )
    # Sorting keeps the order of equals.
    return sorted(accents, key=lambda accent: (accent.frame, accent.type))


def _struck(rule: AccentRule, beats: BeatFrames, segment: Segment) -> Sequence[int]:
    """The frames inside a segment that a rule strikes."""
    if rule.beats == timeline_rules_pb2.ACCENT_BEATS_CUTS:
        on_beat = segment.cut.rule != edl_pb2.CUT_RULE_START
        return [segment.timeline_in_frame] if on_beat else []
    frames = beats.all if rule.beats == timeline_rules_pb2.ACCENT_BEATS_ALL else beats.downbeats
    begin = bisect_left(frames, segment.timeline_in_frame)
    return frames[begin : bisect_left(frames, segment.timeline_out_frame)]
