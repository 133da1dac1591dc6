"""What rules may ask for. Each function looks at a message whose defaults have been filled in."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch_core.edl.output import MAX_RGB
from beatstitch_core.edl.overlays import MAX_TEXT
from beatstitch_core.edl.rule_defaults import PERMILLE
from beatstitch_core.edl.transitions import check_kind
from beatstitch_core.edl.ways_in import CUTS

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Transition
    from beatstitch.v1.timeline_rules_pb2 import (
        AccentRule,
        BuildUp,
        Card,
        ChoiceRules,
        CutPattern,
        EnergyDensity,
        SectionRule,
        SoundRules,
        SpeedRamp,
        Watermark,
    )
    from beatstitch_core.edl.findings import Findings

MAX_LENGTHS = 256
MAX_EVERY_N_BARS = 64
MAX_NO_REPEAT_WINDOW = 100
MAX_WEIGHT = 100
MAX_ACCENT_MS = 10_000
MIN_SPEED_PERMILLE, MAX_SPEED_PERMILLE = 100, 10_000
MAX_RAMP_MS = 60_000
MIN_CARD_MS, MAX_CARD_MS = 500, 60_000
MIN_MARK_PERMILLE, MAX_MARK_PERMILLE = 10, 500
MAX_FADE_MS = 60_000
MAX_CLIP_PERMILLE = 2000

_ACCENTS = frozenset(edl_pb2.AccentType.values()) - {edl_pb2.ACCENT_TYPE_UNSPECIFIED}


def check_transition(way: Transition, at: str, found: Findings) -> None:
    """A way from segment to segment; how long it may be is seen where it is put."""
    check_kind(way, at, found)
    if way.type in CUTS:
        # Frames without a type are a forgotten type, not a cut of that length.
        found.expect(way.frames == 0, f"{at}.frames", "must be 0 for a cut")
    else:
        found.expect(way.frames > 0, f"{at}.frames", f"must be 0 or more, not {way.frames}")


def check_cut(cut: CutPattern, most: int, at: str, found: Findings) -> None:
    """A pattern; shots are 1 to `most` beats long."""
    kind = cut.WhichOneof("pattern")
    if kind == "every_n_beats":
        found.expect_range(cut.every_n_beats, 1, most, f"{at}.every_n_beats")
    elif kind == "lengths":
        beats = cut.lengths.beats
        found.expect(
            1 <= len(beats) <= MAX_LENGTHS,
            f"{at}.lengths.beats",
            f"must be 1 to {MAX_LENGTHS} lengths, not {len(beats)}",
        )
        for k, length in enumerate(beats):
            found.expect_range(length, 1, most, f"{at}.lengths.beats[{k}]")
    elif kind == "bar_beats":
        numbers = cut.bar_beats.beat_numbers
        found.expect(
            len(numbers) > 0
            and numbers[0] >= 1
            and all(left < right for left, right in pairwise(numbers)),
            f"{at}.bar_beats.beat_numbers",
            "must be at least one place in the bar, from 1, strictly increasing",
        )
        found.expect_range(
            cut.bar_beats.every_n_bars, 1, MAX_EVERY_N_BARS, f"{at}.bar_beats.every_n_bars"
        )
    elif kind == "build_up":
        _check_build_up(cut.build_up, most, f"{at}.build_up", found)
    elif kind == "energy":
        _check_density(cut.energy, f"{at}.energy", found)


def check_section_rule(rule: SectionRule, most: int, at: str, found: Findings) -> None:
    """A rule for sections; shots are 1 to `most` beats long."""
    kind = rule.WhichOneof("sections")
    if kind == "label":
        found.expect(rule.label != "", f"{at}.label", "must not be empty")
    elif kind == "name":
        found.expect(rule.name != "", f"{at}.name", "must not be empty")
    elif kind == "index":
        found.expect(rule.index >= -1, f"{at}.index", f"must be 0 or more, or -1, not {rule.index}")
    elif kind == "energy":
        low, high = rule.energy.from_permille, rule.energy.to_permille
        ordered = found.expect_range(low, 0, PERMILLE, f"{at}.energy.from_permille")
        found.expect_range(high, low if ordered else 0, PERMILLE, f"{at}.energy.to_permille")
    if rule.HasField("cut"):
        check_cut(rule.cut, most, f"{at}.cut", found)
    if rule.HasField("transition"):
        check_transition(rule.transition, f"{at}.transition", found)


def check_choice(choice: ChoiceRules, at: str, found: Findings) -> None:
    """Which picture or clip a segment shows."""
    found.expect_known(choice.order, timeline_rules_pb2.ChoiceOrder.values(), f"{at}.order")
    found.expect_known(choice.reuse, timeline_rules_pb2.MediaReuse.values(), f"{at}.reuse")
    found.expect_range(choice.no_repeat_window, 0, MAX_NO_REPEAT_WINDOW, f"{at}.no_repeat_window")
    seen: set[str] = set()
    for k, asset in enumerate(choice.assets):
        here = f"{at}.assets[{k}]"
        if found.expect(asset.asset_id != "", f"{here}.asset_id", "must be given"):
            found.expect(asset.asset_id not in seen, f"{here}.asset_id", "has a rule already")
            seen.add(asset.asset_id)
        found.expect_range(asset.weight, 1, MAX_WEIGHT, f"{here}.weight")
        found.expect(asset.in_us >= 0, f"{here}.in_us", f"must be 0 or more, not {asset.in_us}")
        found.expect(
            asset.out_us == 0 or asset.out_us > max(asset.in_us, 0),
            f"{here}.out_us",
            f"must be 0 (the clip's end) or above in_us, not {asset.out_us}",
        )


def check_accent(rule: AccentRule, at: str, found: Findings) -> None:
    """Blows on beats."""
    if found.expect(
        rule.type in _ACCENTS, f"{at}.type", f"must be PUNCH_IN or FLASH, not {int(rule.type)}"
    ):
        found.expect_range(rule.amount_permille, 1, PERMILLE, f"{at}.amount_permille")
    found.expect_known(rule.beats, timeline_rules_pb2.AccentBeats.values(), f"{at}.beats")
    found.expect_range(rule.duration_ms, 1, MAX_ACCENT_MS, f"{at}.duration_ms")


def check_ramp(ramp: SpeedRamp, at: str, found: Findings) -> None:
    """Clips that gain speed."""
    if ramp.peak_permille:
        found.expect_range(
            ramp.peak_permille, MIN_SPEED_PERMILLE, MAX_SPEED_PERMILLE, f"{at}.peak_permille"
        )
    found.expect_range(ramp.duration_ms, 1, MAX_RAMP_MS, f"{at}.duration_ms")


def check_card(card: Card, at: str, found: Findings) -> None:
    """Text over the beginning or the end; an empty one is none."""
    found.expect(
        len(card.text) <= MAX_TEXT,
        f"{at}.text",
        f"must be at most {MAX_TEXT} characters, not {len(card.text)}",
    )
    found.expect_range(card.duration_ms, MIN_CARD_MS, MAX_CARD_MS, f"{at}.duration_ms")
    found.expect(card.rgb <= MAX_RGB, f"{at}.rgb", "must be a colour 0xRRGGBB")
    found.expect_range(card.veil_permille, 0, PERMILLE, f"{at}.veil_permille")


def check_watermark(mark: Watermark, at: str, found: Findings) -> None:
    """A picture in a corner."""
    found.expect_known(mark.corner, timeline_rules_pb2.Corner.values(), f"{at}.corner")
    found.expect_range(
        mark.width_permille, MIN_MARK_PERMILLE, MAX_MARK_PERMILLE, f"{at}.width_permille"
    )
    found.expect_range(mark.opacity_permille, 1, PERMILLE, f"{at}.opacity_permille")


def check_sound(sound: SoundRules, at: str, found: Findings) -> None:
    """What is heard."""
    found.expect_range(sound.fade_in_ms, 0, MAX_FADE_MS, f"{at}.fade_in_ms")
    found.expect_range(sound.fade_out_ms, 0, MAX_FADE_MS, f"{at}.fade_out_ms")
    found.expect_range(sound.clip_permille, 0, MAX_CLIP_PERMILLE, f"{at}.clip_permille")
    found.expect_range(sound.ducked_permille, 1, PERMILLE, f"{at}.ducked_permille")


def _check_build_up(build_up: BuildUp, most: int, at: str, found: Findings) -> None:
    if found.expect_range(build_up.from_beats, 1, most, f"{at}.from_beats"):
        most = build_up.from_beats
    found.expect_range(build_up.to_beats, 1, most, f"{at}.to_beats")


def _check_density(energy: EnergyDensity, at: str, found: Findings) -> None:
    shortest, longest = energy.shortest_us, energy.longest_us
    found.expect(shortest > 0, f"{at}.shortest_us", f"must be 0 or more, not {shortest}")
    found.expect(
        longest >= max(shortest, 1),
        f"{at}.longest_us",
        f"must be at least shortest_us {shortest}, not {longest}",
    )
