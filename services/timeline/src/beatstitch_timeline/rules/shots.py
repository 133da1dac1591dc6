"""How long shots may be: cuts that come too soon are left out, cuts that come too late get others.

Shots are measured between beats, not between frames: a beat of 480 000 µs is that long also where
it takes now 14 and now 15 frames. The first shot begins where the video does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
    end_frame: int,
    *,
    shortest_us: int,
    longest_us: int,
) -> list[Wanted]:
    """The cuts, and more where a shot is too long: each on the last beat that keeps the length.

    Where no beat lies within, it is the next one. A new cut leaves the shortest shot on both sides,
    and a frame; where there is no room for it a shot stays too long.

    Args:
        cuts: In order, each in a frame of its own inside the video.
        beats: Of the whole song.
        trim: Where the video begins and ends.
        end_frame: One past the video's last frame.
        shortest_us: Shortest shot; 0 for any.
        longest_us: Longest shot; 0 for any.
    """
    if longest_us == 0:
        return list(cuts)
    times_us, frames = beats.times_us, beats.frames
    filled: list[Wanted] = []
    begin_us, begin_frame = trim.start_us, 0
    for cut in [*cuts, None]:
        # The last shot may end as soon as it likes.
        end_us = times_us[cut.beat] if cut else trim.end_us
        last_us = end_us - shortest_us if cut else end_us
        stop = bisect_left(frames, frames[cut.beat] if cut else end_frame)
        stop = min(stop, bisect_right(times_us, last_us))
        while end_us - begin_us > longest_us:
            first = max(
                bisect_right(frames, begin_frame), bisect_left(times_us, begin_us + shortest_us)
            )
            within = bisect_right(times_us, begin_us + longest_us) - 1
            beat = max(first, min(within, stop - 1))
            if beat >= stop:
                break
            filled.append(Wanted(beat, edl_pb2.CUT_RULE_LONGEST_SHOT, LONGEST_PATH))
            begin_us, begin_frame = times_us[beat], frames[beat]
        if cut:
            filled.append(cut)
            begin_us, begin_frame = end_us, frames[cut.beat]
    return filled


def _opens_section(cut: Wanted) -> bool:
    return cut.rule == edl_pb2.CUT_RULE_SECTION


def _gives_way(kept: Sequence[Wanted]) -> bool:
    return bool(kept) and not _opens_section(kept[-1])
