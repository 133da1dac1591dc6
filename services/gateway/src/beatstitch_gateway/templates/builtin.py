"""The templates that come with BeatStitch.

A change of what one says is a new version of it: timelines remember which version they were built
from, so a number must never mean two things.
"""

from __future__ import annotations

from beatstitch.v1 import edl_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch.v1.template_pb2 import Template
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import (
    AccentRule,
    BarBeats,
    BuildUp,
    ChoiceRules,
    CutPattern,
    EnergyDensity,
    EnergyRange,
    SectionRule,
)

PREFIX = "builtin/"
_SECOND_US = 1_000_000
_LOUD_PERMILLE = 700


def builtin_templates() -> dict[str, Template]:
    """By id, in the order in which they are listed; freshly made."""
    made = (_calm_slideshow(), _music_video(), _hype_cut(), _wedding(), _product_reel())
    return {template.id: template for template in made}


def _template(name: str, title: str, description: str, settings: TimelineSettings) -> Template:
    return Template(
        id=PREFIX + name,
        name=title,
        description=description,
        version=1,
        built_in=True,
        settings=settings,
    )


def _calm_slideshow() -> Template:
    settings = TimelineSettings(
        cut=CutPattern(bar_beats=BarBeats(beat_numbers=[1], every_n_bars=2)),
        transition=Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=24),
        fit=edl_pb2.FIT_BLUR,
        image_motion=timeline_pb2.IMAGE_MOTION_KEN_BURNS,
        end_align=timeline_rules_pb2.END_ALIGN_AUDIO,
        shortest_shot_us=2 * _SECOND_US,
    )
    return _template(
        "calm-slideshow",
        "Calm slideshow",
        "Long shots on every second bar, soft fades, slow moves over pictures.",
        settings,
    )


def _music_video() -> Template:
    settings = TimelineSettings(
        cut=CutPattern(
            energy=EnergyDensity(shortest_us=_SECOND_US // 2, longest_us=4 * _SECOND_US)
        ),
        choice=ChoiceRules(
            order=timeline_rules_pb2.CHOICE_ORDER_SCORE,
            no_repeat_window=3,
            avoid_scene_cuts=True,
            match_motion_to_energy=True,
            images_on_calm=True,
        ),
        accents=[
            AccentRule(
                type=edl_pb2.ACCENT_TYPE_PUNCH_IN,
                beats=timeline_rules_pb2.ACCENT_BEATS_DOWNBEATS,
                amount_permille=40,
            )
        ],
    )
    return _template(
        "music-video",
        "Music video",
        "As dense as the song is loud; busy clips where it is loud, pictures where it is calm.",
        settings,
    )


def _hype_cut() -> Template:
    loud = SectionRule(
        energy=EnergyRange(from_permille=_LOUD_PERMILLE), cut=CutPattern(every_n_beats=1)
    )
    calm = SectionRule(
        energy=EnergyRange(to_permille=_LOUD_PERMILLE - 1),
        cut=CutPattern(build_up=BuildUp(from_beats=8, to_beats=1)),
    )
    settings = TimelineSettings(
        section_rules=[loud, calm],
        choice=ChoiceRules(
            order=timeline_rules_pb2.CHOICE_ORDER_SHUFFLE,
            no_repeat_window=4,
            avoid_scene_cuts=True,
        ),
        accents=[
            AccentRule(
                type=edl_pb2.ACCENT_TYPE_FLASH, beats=timeline_rules_pb2.ACCENT_BEATS_DOWNBEATS
            ),
            AccentRule(
                type=edl_pb2.ACCENT_TYPE_PUNCH_IN, beats=timeline_rules_pb2.ACCENT_BEATS_ALL
            ),
        ],
        shortest_shot_us=_SECOND_US // 5,
    )
    return _template(
        "hype-cut",
        "Hype cut",
        "Calm parts build up from eight beats to one, loud parts cut on every beat, with flashes.",
        settings,
    )


def _wedding() -> Template:
    settings = TimelineSettings(
        cut=CutPattern(bar_beats=BarBeats(beat_numbers=[1])),
        transition=Transition(
            type=edl_pb2.TRANSITION_TYPE_CROSSFADE,
            frames=18,
            align=edl_pb2.TRANSITION_ALIGN_CENTRE,
        ),
        fit=edl_pb2.FIT_FOCUS,
        image_motion=timeline_pb2.IMAGE_MOTION_ZOOM_TO_FOCUS,
        fill=edl_pb2.FILL_POLICY_SPEED_FIT,
        shortest_shot_us=1_500_000,
        longest_shot_us=6 * _SECOND_US,
    )
    return _template(
        "wedding",
        "Wedding",
        "A shot per bar, fades around the downbeat, pictures drawn towards where the eye goes.",
        settings,
    )


def _product_reel() -> Template:
    settings = TimelineSettings(
        beats_per_cut=2,
        transition=Transition(
            type=edl_pb2.TRANSITION_TYPE_PUSH,
            frames=6,
            direction=edl_pb2.DIRECTION_LEFT,
        ),
        fit=edl_pb2.FIT_BLUR,
        image_motion=timeline_pb2.IMAGE_MOTION_ZOOM_IN,
        choice=ChoiceRules(reuse=timeline_rules_pb2.MEDIA_REUSE_END),
        end_align=timeline_rules_pb2.END_ALIGN_BAR,
    )
    return _template(
        "product-reel",
        "Product reel",
        "Each picture and clip once, in order, two beats each, pushed in from the right.",
        settings,
    )
