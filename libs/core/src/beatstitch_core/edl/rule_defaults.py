"""What rules mean where they leave something out. Each function fills a message in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch_core.edl.ways_in import CUTS, DIRECTED
from beatstitch_core.timebase import rate_fraction, round_half_up

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Transition
    from beatstitch.v1.timeline_rules_pb2 import (
        AccentRule,
        Card,
        ChoiceRules,
        CutPattern,
        SectionRule,
        SoundRules,
        SpeedRamp,
        Watermark,
    )

TRANSITIONS_PER_S = 4  # a transition takes a quarter of a second
BUILD_UP_FROM_BEATS, BUILD_UP_TO_BEATS = 8, 1
ENERGY_SHORTEST_US, ENERGY_LONGEST_US = 500_000, 4_000_000
PERMILLE = 1000
ASSET_WEIGHT = 10
ACCENT_PERMILLE = {edl_pb2.ACCENT_TYPE_PUNCH_IN: 60, edl_pb2.ACCENT_TYPE_FLASH: 500}
ACCENT_MS = 200
RAMP_MS = 500
CARD_MS = 3000
TITLE_VEIL_PERMILLE, END_CARD_VEIL_PERMILLE = 400, 1000
WHITE = 0xFFFFFF
MARK_WIDTH_PERMILLE, MARK_OPACITY_PERMILLE = 120, 600
DUCKED_PERMILLE = 350


def default_fade_frames(rate: Rational) -> int:
    """A quarter of a second in frames, at least 1; 1 for a rate that can't be counted with."""
    try:
        return max(1, round_half_up(rate_fraction(rate) / TRANSITIONS_PER_S))
    except ValueError:
        return 1


def fill_transition(way: Transition, rate: Rational) -> None:
    """A type; for other than CUT a length and an alignment; for those that move a direction."""
    way.type = way.type or edl_pb2.TRANSITION_TYPE_CUT
    if way.type in CUTS:
        return
    way.frames = way.frames or default_fade_frames(rate)
    way.align = way.align or edl_pb2.TRANSITION_ALIGN_END
    if way.type in DIRECTED:
        way.direction = way.direction or edl_pb2.DIRECTION_LEFT


def fill_cut(cut: CutPattern) -> None:
    """The numbers of a pattern; a pattern that is not set stays so."""
    kind = cut.WhichOneof("pattern")
    if kind == "bar_beats":
        cut.bar_beats.every_n_bars = cut.bar_beats.every_n_bars or 1
    elif kind == "build_up":
        cut.build_up.from_beats = cut.build_up.from_beats or BUILD_UP_FROM_BEATS
        cut.build_up.to_beats = cut.build_up.to_beats or BUILD_UP_TO_BEATS
    elif kind == "energy":
        cut.energy.shortest_us = cut.energy.shortest_us or ENERGY_SHORTEST_US
        cut.energy.longest_us = cut.energy.longest_us or ENERGY_LONGEST_US


def fill_section_rule(rule: SectionRule, rate: Rational) -> None:
    """The numbers of a rule; a transition that is not set stays so, it is the settings' own."""
    if rule.WhichOneof("sections") == "energy":
        rule.energy.to_permille = rule.energy.to_permille or PERMILLE
    if rule.HasField("cut"):
        fill_cut(rule.cut)
    if rule.HasField("transition"):
        fill_transition(rule.transition, rate)


def fill_choice(choice: ChoiceRules) -> None:
    """Order, reuse and weights."""
    choice.order = choice.order or timeline_rules_pb2.CHOICE_ORDER_POSITION
    choice.reuse = choice.reuse or timeline_rules_pb2.MEDIA_REUSE_LOOP
    for asset in choice.assets:
        asset.weight = asset.weight or ASSET_WEIGHT


def fill_accent(rule: AccentRule) -> None:
    """When, how much and how long; a type is always given."""
    rule.beats = rule.beats or timeline_rules_pb2.ACCENT_BEATS_DOWNBEATS
    rule.amount_permille = rule.amount_permille or ACCENT_PERMILLE.get(rule.type, 0)
    rule.duration_ms = rule.duration_ms or ACCENT_MS


def fill_ramp(ramp: SpeedRamp) -> None:
    """How long a ramp takes."""
    ramp.duration_ms = ramp.duration_ms or RAMP_MS


def fill_card(card: Card, veil_permille: int) -> None:
    """How long, white, and behind it a veil of its own: black may be asked for, and no veil."""
    card.duration_ms = card.duration_ms or CARD_MS
    if not card.HasField("rgb"):
        card.rgb = WHITE
    if not card.HasField("veil_permille"):
        card.veil_permille = veil_permille


def fill_watermark(mark: Watermark) -> None:
    """Where, how large and how strong."""
    mark.corner = mark.corner or timeline_rules_pb2.CORNER_BOTTOM_RIGHT
    mark.width_permille = mark.width_permille or MARK_WIDTH_PERMILLE
    mark.opacity_permille = mark.opacity_permille or MARK_OPACITY_PERMILLE


def fill_sound(sound: SoundRules) -> None:
    """How far the song steps back behind a clip."""
    sound.ducked_permille = sound.ducked_permille or DUCKED_PERMILLE
