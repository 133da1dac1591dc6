"""Which beats of a stretch are cut. Each pattern is a function from a run of beats to some of them.

A stretch is a run of neighbouring beats that one rule rules over; beats count from its first one.
"""

from __future__ import annotations

from itertools import accumulate, cycle, takewhile
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2
from beatstitch_timeline.rules.beats import PERMILLE
from beatstitch_timeline.rules.build_up import build_up

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from beatstitch.v1.edl_pb2 import CutRule
    from beatstitch.v1.timeline_rules_pb2 import CutPattern
    from beatstitch_timeline.rules.beats import Beats

_ONE = 1 << 32


class Chosen(NamedTuple):
    """What a pattern chose.

    Attributes:
        beats: Indices, strictly increasing.
        rule: What they are called in the EDL.
        path: The pattern's path in its settings, for example "cut.build_up".
    """

    beats: Sequence[int]
    rule: CutRule.ValueType
    path: str


def choose_beats(
    pattern: CutPattern, path: str, beats_per_cut: int, stretch: range, beats: Beats
) -> Chosen:
    """The beats of a stretch that a pattern cuts on.

    Args:
        pattern: With all fields given; when it has none: every `beats_per_cut`.
        path: The pattern's own path in the settings, for example "cut".
        beats_per_cut: The settings' own.
        stretch: Indices of the stretch's beats.
        beats: Of the whole song.
    """
    kind = pattern.WhichOneof("pattern")
    here = f"{path}.{kind}"
    if kind == "lengths":
        chosen = by_lengths(stretch, pattern.lengths.beats)
        return Chosen(chosen, edl_pb2.CUT_RULE_PATTERN, here)
    if kind == "bar_beats":
        wanted = pattern.bar_beats
        chosen = by_bar(stretch, beats.places, set(wanted.beat_numbers), wanted.every_n_bars)
        return Chosen(chosen, edl_pb2.CUT_RULE_BAR_BEATS, here)
    if kind == "build_up":
        steps = pattern.build_up
        chosen = build_up(stretch, steps.from_beats, steps.to_beats)
        return Chosen(chosen, edl_pb2.CUT_RULE_BUILD_UP, here)
    if kind == "energy":
        chosen = by_energy(stretch, beats, pattern.energy.shortest_us, pattern.energy.longest_us)
        return Chosen(chosen, edl_pb2.CUT_RULE_ENERGY, here)
    if kind == "every_n_beats":
        return Chosen(stretch[:: pattern.every_n_beats], edl_pb2.CUT_RULE_EVERY_N_BEATS, here)
    return Chosen(stretch[::beats_per_cut], edl_pb2.CUT_RULE_EVERY_N_BEATS, "beats_per_cut")


def by_lengths(stretch: range, lengths: Sequence[int]) -> list[int]:
    """Shots of the given lengths in beats, again from the first length when they are used up."""
    places = accumulate(cycle(lengths), initial=stretch.start)
    return list(takewhile(lambda beat: beat < stretch.stop, places))


def by_bar(
    stretch: range, places: Sequence[int], numbers: Collection[int], every_n_bars: int
) -> list[int]:
    """The beats at the given places in the bar, in the first bar of every so many.

    Bars count from the stretch's first downbeat. Beats before it belong to a bar that began before
    the stretch: they count only where every bar does.
    """
    chosen, bar = [], -1
    for beat in stretch:
        bar += places[beat] == 1
        counts = every_n_bars == 1 or (bar >= 0 and bar % every_n_bars == 0)
        if counts and places[beat] in numbers:
            chosen.append(beat)
    return chosen


def by_energy(stretch: range, beats: Beats, shortest_us: int, longest_us: int) -> list[int]:
    """Cuts as dense as the song is loud.

    Each beat uses up its length's share of the shot length that is wanted there; the cut comes on
    the beat next to where all of it is used up. So a shot that begins in a quiet bar is cut soon
    after a drop, not only when the quiet bar's long shot would have been over.
    """
    chosen, used = [*stretch[:1]], 0
    for beat in stretch[:-1]:
        loud = beats.energy[beat]
        wanted_us = (longest_us * (PERMILLE - loud) + shortest_us * loud) // PERMILLE
        share = (beats.times_us[beat + 1] - beats.times_us[beat]) * _ONE // wanted_us
        nearer = used + share - _ONE > _ONE - used
        if nearer and beat > chosen[-1]:
            chosen.append(beat)
            used = 0
        used += share
        if used >= _ONE:
            chosen.append(beat + 1)
            used = 0
    return chosen
