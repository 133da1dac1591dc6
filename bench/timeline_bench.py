"""How long building, editing, comparing and reshaping a timeline take, without storage or network.

Seconds of one core for building by beats alone and by all rules, for 1,000 mixed edits in one
request, for one edit, for comparing the two and for another shape; and by how much each grows when
the timeline doubles: 2 is linear, less is better.

    python bench/timeline_bench.py [--segments 10000] [--edits 1000]
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from timeline_material import ALL_RULES, MEDIA, SONG, grid_of

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build
from beatstitch_timeline.diff import diff
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.edits.context import Context
from beatstitch_timeline.edits.draft import Draft
from beatstitch_timeline.edits.families import do
from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.retarget import retarget

if TYPE_CHECKING:
    from collections.abc import Callable

BEATS_PER_CUT = 2
PLAIN = TimelineSettings(beats_per_cut=BEATS_PER_CUT)
FADE = {"type": edl_pb2.TRANSITION_TYPE_CROSSFADE, "frames": 6, "align": 3}


def wanted(number: int, count: int) -> TimelineEdit:
    """An edit of the kinds in turn, somewhere in the timeline; perhaps impossible."""
    index = number * 7_919 % count
    beat = {"beat_index": BEATS_PER_CUT * index + 1}
    asset = {"media_asset_id": MEDIA[number % len(MEDIA)].asset_id}
    kinds = (
        {"move": {"segment_index": index, "to_index": (index + count // 2) % count}},
        {"swap": {"segment_index": index, "other_index": (index * 31 + 7) % count}},
        {"split": {"at": beat}},
        {"merge": {"segment_index": index, "count": 2}},
        {"insert": {"at": beat} | asset},
        {"delete": {"segment_index": index}},
        {"replace": {"segment_index": index} | asset},
        {"trim": {"segment_index": index, "to": beat}},
        {"roll": {"segment_index": index, "to": beat}},
        {"slip": {"segment_index": index, "delta_us": 1_000}},
        {"override": {"segment_index": index, "transition_in": FADE, "fit": 2}},
    )
    return TimelineEdit(**kinds[number % len(kinds)])


def possible(edl: edl_pb2.Edl, context: Context, count: int) -> list[TimelineEdit]:
    """So many edits that can be done one after the other."""
    done: list[TimelineEdit] = []
    draft, number = Draft(edl, context), 0
    while len(done) < count:
        edit = wanted(number, len(draft))
        number += 1
        try:
            do(draft, edit)
        except Refused:
            continue
        done.append(edit)
    return done


def seconds(work: Callable[[], object]) -> float:
    """The least of three runs, in seconds of one core."""
    taken = []
    for _ in range(3):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def measure(segments: int, edits: int) -> dict[str, float]:
    """Seconds of each thing on a timeline of about so many segments."""
    # Room between the beats, so that edits of every kind are possible.
    wish = TimelineSettings()
    wish.CopyFrom(ALL_RULES)
    wish.beats_per_cut, wish.longest_shot_us = BEATS_PER_CUT, 0
    del wish.section_rules[:]
    grid, short = grid_of(BEATS_PER_CUT * segments), grid_of(segments)
    edl = build("bench", SONG, grid, MEDIA, wish).edl
    some = possible(edl, Context.of(edl, grid, MEDIA, wish), edits)
    after = apply_edits(edl, grid, MEDIA, wish, some).edl
    upright = OutputFormat(width=1080, height=1920)
    upright.frame_rate.num = 60
    return {
        "plain": seconds(lambda: build("bench", SONG, grid, MEDIA, PLAIN)),
        "all rules": seconds(lambda: build("bench", SONG, short, MEDIA, ALL_RULES)),
        f"{edits} edits": seconds(lambda: apply_edits(edl, grid, MEDIA, wish, some)),
        "1 edit": seconds(lambda: apply_edits(edl, grid, MEDIA, wish, some[:1])),
        "diff": seconds(lambda: diff(edl, after, wish, wish)),
        "retarget": seconds(lambda: retarget(edl, upright, 0, MEDIA)),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--edits", type=int, default=1_000)
    options = parser.parse_args()
    before: dict[str, float] = {}
    for count in (options.segments // 4, options.segments // 2, options.segments):
        figures = measure(count, options.edits)
        told = "   ".join(
            f"{name} {value:6.3f} s" + (f" ×{value / before[name]:4.2f}" if before else "")
            for name, value in figures.items()
        )
        print(f"{count:>6} segments   {told}", flush=True)
        before = figures


if __name__ == "__main__":
    main()
