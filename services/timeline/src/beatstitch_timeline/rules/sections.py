"""Which rule rules over which beats: sections of the song, and the stretches between them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_timeline.rules.beats import permille

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.v1.beat_grid_pb2 import Section
    from beatstitch.v1.timeline_rules_pb2 import SectionRule
    from beatstitch_timeline.rules.beats import Beats

NONE = -1


class Stretch(NamedTuple):
    """Neighbouring beats under one rule.

    Attributes:
        beats: Their indices.
        rule: Index of the section rule; -1 for the settings' own.
        opens: Whether the first of them is the first beat of the rule's section.
    """

    beats: range
    rule: int
    opens: bool


class Form:
    """The song's sections, each with the first rule that fits it."""

    def __init__(self, sections: Sequence[Section], rules: Sequence[SectionRule]) -> None:
        self._starts = [section.start_us for section in sections]
        self._ends = [section.end_us for section in sections]
        self._rules = [_first_fitting(rules, sections, i) for i in range(len(sections))]

    def section_at(self, time_us: int) -> int:
        """Index of the section that a time lies in; -1 for none."""
        at = bisect_right(self._starts, time_us) - 1
        return at if at >= 0 and time_us < self._ends[at] else NONE

    def rule_of(self, section: int) -> int:
        """Index of the rule for a section; -1 for none."""
        return NONE if section == NONE else self._rules[section]

    def begins_after(self, section: int, time_us: int) -> bool:
        """Whether a section begins later than a time."""
        return section != NONE and self._starts[section] > time_us

    def stretches(self, inside: range, beats: Beats) -> Iterator[Stretch]:
        """The stretches of a run of beats, in order.

        Each section with a rule is one of its own; between them the settings' own rule rules, and
        counts anew after each.
        """

        def ruled_section(beat: int) -> int:
            section = self.section_at(beats.times_us[beat])
            return section if self.rule_of(section) != NONE else NONE

        for section, run in groupby(inside, ruled_section):
            indices = list(run)
            first = indices[0]
            # In a video that begins inside a section its first beat may have gone by.
            opens = section != NONE and (first == 0 or ruled_section(first - 1) != section)
            yield Stretch(range(first, indices[-1] + 1), self.rule_of(section), opens)


def fits(rule: SectionRule, sections: Sequence[Section], index: int) -> bool:
    """Whether a rule is for the section of an index."""
    section, kind = sections[index], rule.WhichOneof("sections")
    if kind == "label":
        return section.label == rule.label
    if kind == "index":
        return rule.index in {index, index - len(sections)}
    if kind == "name":
        return section.name == rule.name
    if kind == "energy":
        loud = permille(section.energy)
        return rule.energy.from_permille <= loud <= rule.energy.to_permille
    return True


def _first_fitting(rules: Sequence[SectionRule], sections: Sequence[Section], index: int) -> int:
    return next((k for k, rule in enumerate(rules) if fits(rule, sections, index)), NONE)
