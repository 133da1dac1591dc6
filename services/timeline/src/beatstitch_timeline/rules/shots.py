"""How long shots may be: cuts that come too soon are left out, cuts that come too late get others.

Shots are measured between beats, not between frames: a beat of 480 000 µs is that long also where
it takes now 14 and now 15 frames. The first shot begins where the video does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.edl_pb2 import CutRule
    from beatstitch_timeline.rules.beats import Beats
    from beatstitch_timeline.rules.span import Trim

LONGEST_PATH = "longest_shot_us"


class Wanted(NamedTuple):
    """A cut that a rule asks for.

    Attributes:
        beat: Index of the beat.
        rule: What it is called in the EDL.
        path: The rule's path in the settings.
    """

    beat: int
    rule: CutRule.ValueType
    path: str


def leave_out_short(
    cuts: Sequence[Wanted], times_us: Sequence[int], start_us: int, shortest_us: int
) -> list[Wanted]:
    """The cuts that no shot is too short between, the last one perhaps.

    A section's own cut stays where it can, the cut before it goes: it is the one that a listener
    expects.

    Args:
        cuts: In order.
        times_us: Of all beats.
        start_us: Where the video begins.
        shortest_us: Shortest shot; 0 for any.
    """
    kept: list[Wanted] = []
    for cut in cuts:
        time_us = times_us[cut.beat]
        before_us = times_us[kept[-1].beat] if kept else start_us
        if time_us - before_us < shortest_us and _opens_section(cut) and _gives_way(kept):
            kept.pop()
            before_us = times_us[kept[-1].beat] if kept else start_us
        if time_us - before_us >= shortest_us:
            kept.append(cut)
    return kept


def fill_long(
    cuts: Sequence[Wanted],
    beats: Beats,
    trim: Trim,
    *,
    shortest_us: int,
    longest_us: int,
) -> list[Wanted]:
    """The cuts, and more where a shot is too long: each on the last beat that keeps the length.

    Where no beat lies within, it is the next one. A new cut leaves the shortest shot on both sides;
    where there is no room for it a shot stays too long.

    Args:
        cuts: In order.
        beats: Of the whole song.
        trim: Where the video begins and ends.
        shortest_us: Shortest shot; 0 for any.
        longest_us: Longest shot; 0 for any.
    """
    if longest_us == 0:
        return list(cuts)
    times_us, inside = beats.times_us, beats.within(trim)
    filled: list[Wanted] = []
    edges = [trim.start_us, *(times_us[cut.beat] for cut in cuts), trim.end_us]
    for i, (edge_us, end_us) in enumerate(pairwise(edges)):
        begin_us = edge_us
        # The last shot may end as soon as it likes.
        last_us = end_us - (shortest_us if i < len(cuts) else 0)
        # Not on the beats at either end, and none twice.
        most = bisect_right(times_us, min(last_us, end_us - 1), inside.start, inside.stop)
        while end_us - begin_us > longest_us:
            least = bisect_left(times_us, begin_us + max(shortest_us, 1), inside.start, most)
            beat = max(least, bisect_right(times_us, begin_us + longest_us, least, most) - 1)
            if beat >= most:
                break
            filled.append(Wanted(beat, edl_pb2.CUT_RULE_LONGEST_SHOT, LONGEST_PATH))
            begin_us = times_us[beat]
        if i < len(cuts):
            filled.append(cuts[i])
    return filled


def _opens_section(cut: Wanted) -> bool:
    return cut.rule == edl_pb2.CUT_RULE_SECTION


def _gives_way(kept: Sequence[Wanted]) -> bool:
    return bool(kept) and not _opens_section(kept[-1])
