"""A rule for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.timeline_rules_pb2 import CutPattern

if TYPE_CHECKING:
    from beatstitch.v1.beat_grid_pb2 import Section
    from beatstitch.v1.edl_pb2 import CutRule
    from beatstitch.v1.timeline_pb2 import TimelineSettings

START_TEXT = "The video begins here, before the first beat that is cut on."
GIVEN_TEXT = "Put here by a person or a client."


def rule_text(
    rule: CutRule.ValueType, path: str, settings: TimelineSettings, section: Section | None
) -> str:
    """What cut here, in a sentence.

    Args:
        rule: The kind of rule.
        path: Where in the settings it stands; empty for the start, and where it isn't known.
        settings: With all fields given.
        section: The section that the cut lies in; None without sections.
    """
    if rule == edl_pb2.CUT_RULE_START:
        return START_TEXT
    if rule == edl_pb2.CUT_RULE_GIVEN:
        return GIVEN_TEXT
    if rule == edl_pb2.CUT_RULE_SECTION:
        name = _name(section)
        return f"{name[0].upper()}{name[1:]} begins here, and has a rule of its own."
    if rule == edl_pb2.CUT_RULE_LONGEST_SHOT:
        return f"Put in so that no shot is longer than {seconds(settings.longest_shot_us)}."
    if not path:
        return _KINDS.get(rule, "Cut on a beat.")
    text = pattern_text(_pattern(path, settings), settings.beats_per_cut)
    return text if not path.startswith("section_rules") else f"{text[:-1]}, in {_name(section)}."


def pattern_text(pattern: CutPattern, beats_per_cut: int) -> str:
    """A pattern in a sentence; `beats_per_cut` rules where the pattern is not set."""
    kind = pattern.WhichOneof("pattern")
    if kind == "lengths":
        lengths = ", ".join(map(str, pattern.lengths.beats))
        return f"Shots of {lengths} beats, again and again."
    if kind == "bar_beats":
        places = " and ".join(map(str, pattern.bar_beats.beat_numbers))
        beats = "beats" if len(pattern.bar_beats.beat_numbers) > 1 else "beat"
        return f"On {beats} {places} of {_each('bar', pattern.bar_beats.every_n_bars or 1)}."
    if kind == "build_up":
        ramp = pattern.build_up
        return f"Faster and faster: shots of {ramp.from_beats} down to {ramp.to_beats} beats."
    if kind == "energy":
        shortest, longest = seconds(pattern.energy.shortest_us), seconds(pattern.energy.longest_us)
        return (
            f"As dense as the song is loud: shots of {longest} where quiet, {shortest} where loud."
        )
    count = pattern.every_n_beats if kind == "every_n_beats" else beats_per_cut
    return f"On {_each('beat', count)}."


def seconds(time_us: int) -> str:
    """A time for people, for example "1.25 s"."""
    return f"{time_us / 1_000_000:.3f}".rstrip("0").rstrip(".") + " s"


def _pattern(path: str, settings: TimelineSettings) -> CutPattern:
    if path.startswith("section_rules["):
        index = int(path.removeprefix("section_rules[").split("]", 1)[0])
        if index < len(settings.section_rules) and settings.section_rules[index].HasField("cut"):
            return settings.section_rules[index].cut
    return settings.cut if settings.HasField("cut") else CutPattern()


def _each(thing: str, count: int) -> str:
    if count <= 1:
        return f"each {thing}"
    return f"every {count}{_ORDINALS.get(count % 10 if count // 10 != 1 else 0, 'th')} {thing}"


def _name(section: Section | None) -> str:
    if section is None:
        return "a section"
    return f"section {section.name!r}" if section.name else f"section {section.label}"


_ORDINALS = {1: "st", 2: "nd", 3: "rd"}
_KINDS = {
    edl_pb2.CUT_RULE_EVERY_N_BEATS: "Every so many beats.",
    edl_pb2.CUT_RULE_PATTERN: "By a list of lengths in beats.",
    edl_pb2.CUT_RULE_BAR_BEATS: "On chosen beats of the bar.",
    edl_pb2.CUT_RULE_BUILD_UP: "Faster and faster.",
    edl_pb2.CUT_RULE_ENERGY: "As dense as the song is loud.",
}
