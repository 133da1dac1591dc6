"""Rules in settings: what they mean where they leave something out, and what they may ask for."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from beatstitch.v1 import edl_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import check_settings, merged_settings, with_defaults


def wish(text: str) -> TimelineSettings:
    return text_format.Parse(text, TimelineSettings())


def fields(text: str) -> list[str]:
    return [violation.field for violation in check_settings(wish(text), at="s")]


ALL_RULES = """
    beats_per_cut: 8  seed: -3  fit: FIT_BLUR  image_motion: IMAGE_MOTION_ZOOM_TO_FOCUS
    fill: FILL_POLICY_NO_REPEAT  end_align: END_ALIGN_BAR
    transition { type: TRANSITION_TYPE_WIPE frames: 4 align: TRANSITION_ALIGN_CENTRE
                 direction: DIRECTION_UP }
    cut { lengths { beats: [4, 4, 2, 2, 1, 1] } }
    section_rules { label: "A" cut { every_n_beats: 64 } }
    section_rules { index: -1 cut { bar_beats { beat_numbers: [2, 4] every_n_bars: 2 } } }
    section_rules { name: "drop" cut { build_up { from_beats: 8 to_beats: 1 } } }
    section_rules { energy { from_permille: 700 to_permille: 1000 }
                    cut { energy { shortest_us: 300000 longest_us: 2000000 } }
                    transition { type: TRANSITION_TYPE_FADE_WHITE frames: 6
                                 align: TRANSITION_ALIGN_START } }
    shortest_shot_us: 250000  longest_shot_us: 8000000
    choice { order: CHOICE_ORDER_SCORE no_repeat_window: 100 avoid_scene_cuts: true
             match_motion_to_energy: true images_on_calm: true reuse: MEDIA_REUSE_END
             assets { asset_id: "a" weight: 100 in_us: 5 out_us: 6 }
             assets { asset_id: "b" weight: 1 } }
    accents { type: ACCENT_TYPE_FLASH beats: ACCENT_BEATS_CUTS amount_permille: 1000
              duration_ms: 10000 }
    speed_ramp { peak_permille: 10000 duration_ms: 60000 }
    title { text: "Ana\\n& Jo" duration_ms: 60000 rgb: 0 veil_permille: 0 }
    end_card { text: "Fin" duration_ms: 500 rgb: 0xffffff veil_permille: 1000 }
    watermark { media_asset_id: "m" corner: CORNER_TOP_LEFT width_permille: 500
                opacity_permille: 1000 }
    sound { fade_in_ms: 60000 fade_out_ms: 60000 clip_permille: 2000 ducked_permille: 1000 }
"""


def test_settings_that_leave_nothing_out_are_kept_as_they_are():
    settings = wish(ALL_RULES)
    assert not check_settings(settings)
    full = with_defaults(settings)
    full.ClearField("output")
    full.ClearField("on_low_confidence")
    assert full == settings


def test_defaults_of_rules():
    full = with_defaults(
        wish("""
            transition { type: TRANSITION_TYPE_PUSH }
            cut { build_up {} }
            section_rules { cut { energy {} } }
            section_rules { energy { from_permille: 500 } cut { bar_beats { beat_numbers: 1 } } }
            section_rules { transition { type: TRANSITION_TYPE_ZOOM } }
            choice { assets { asset_id: "a" } }
            accents { type: ACCENT_TYPE_PUNCH_IN }
            accents { type: ACCENT_TYPE_FLASH }
            speed_ramp { peak_permille: 2000 }
            title { text: "A" }  end_card { text: "Z" }
            watermark { media_asset_id: "m" }
            sound {}
        """)
    )
    way = full.transition
    assert (way.frames, way.align) == (8, edl_pb2.TRANSITION_ALIGN_END)
    assert way.direction == edl_pb2.DIRECTION_LEFT
    assert (full.cut.build_up.from_beats, full.cut.build_up.to_beats) == (8, 1)
    density, backbeat, zoomed = full.section_rules
    assert (density.cut.energy.shortest_us, density.cut.energy.longest_us) == (500_000, 4_000_000)
    assert backbeat.energy.to_permille == 1000
    assert backbeat.cut.bar_beats.every_n_bars == 1
    assert (zoomed.transition.frames, zoomed.transition.direction) == (8, 0)
    assert zoomed.transition.align == edl_pb2.TRANSITION_ALIGN_END
    assert not density.HasField("transition")
    assert not zoomed.HasField("cut")
    assert full.choice.order == timeline_rules_pb2.CHOICE_ORDER_POSITION
    assert full.choice.reuse == timeline_rules_pb2.MEDIA_REUSE_LOOP
    assert full.choice.assets[0].weight == 10
    assert [accent.amount_permille for accent in full.accents] == [60, 500]
    assert {accent.duration_ms for accent in full.accents} == {200}
    assert {accent.beats for accent in full.accents} == {timeline_rules_pb2.ACCENT_BEATS_DOWNBEATS}
    assert full.speed_ramp.duration_ms == 500
    assert (full.title.duration_ms, full.title.rgb, full.title.veil_permille) == (
        3000,
        0xFFFFFF,
        400,
    )
    assert full.end_card.veil_permille == 1000
    assert full.watermark.corner == timeline_rules_pb2.CORNER_BOTTOM_RIGHT
    assert (full.watermark.width_permille, full.watermark.opacity_permille) == (120, 600)
    assert full.sound.ducked_permille == 350


def test_defaults_of_no_rules():
    full = with_defaults(TimelineSettings())
    assert full.end_align == timeline_rules_pb2.END_ALIGN_AUDIO
    assert full.on_low_confidence == timeline_pb2.LOW_CONFIDENCE_POLICY_WARN
    assert not full.HasField("cut")
    assert not full.HasField("speed_ramp")
    # A cut has neither.
    assert (full.transition.align, full.transition.direction) == (0, 0)
    assert with_defaults(full) == full


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("end_align: 99", "end_align"),
        ("on_low_confidence: 99", "on_low_confidence"),
        ("transition { align: TRANSITION_ALIGN_END }", "transition.align"),
        ("transition { direction: DIRECTION_UP }", "transition.direction"),
        (
            "transition { type: TRANSITION_TYPE_CROSSFADE direction: DIRECTION_UP }",
            "transition.direction",
        ),
        ("transition { type: TRANSITION_TYPE_WIPE direction: 9 }", "transition.direction"),
        ("transition { type: TRANSITION_TYPE_WIPE align: 9 }", "transition.align"),
        ("transition { type: TRANSITION_TYPE_ZOOM frames: -1 }", "transition.frames"),
        ("cut { every_n_beats: 0 }", "cut.every_n_beats"),
        ("cut { every_n_beats: 65 }", "cut.every_n_beats"),
        ("cut { lengths {} }", "cut.lengths.beats"),
        (f"cut {{ lengths {{ {'beats: 1 ' * 257} }} }}", "cut.lengths.beats"),
        ("cut { lengths { beats: [4, 0] } }", "cut.lengths.beats[1]"),
        ("cut { lengths { beats: [65, 4] } }", "cut.lengths.beats[0]"),
        ("cut { bar_beats {} }", "cut.bar_beats.beat_numbers"),
        ("cut { bar_beats { beat_numbers: [0, 1] } }", "cut.bar_beats.beat_numbers"),
        ("cut { bar_beats { beat_numbers: [2, 2] } }", "cut.bar_beats.beat_numbers"),
        ("cut { bar_beats { beat_numbers: 1 every_n_bars: 65 } }", "cut.bar_beats.every_n_bars"),
        ("cut { bar_beats { beat_numbers: 1 every_n_bars: -1 } }", "cut.bar_beats.every_n_bars"),
        ("cut { build_up { from_beats: 65 } }", "cut.build_up.from_beats"),
        ("cut { build_up { from_beats: -1 } }", "cut.build_up.from_beats"),
        ("cut { build_up { from_beats: 4 to_beats: 5 } }", "cut.build_up.to_beats"),
        ("cut { energy { shortest_us: -1 } }", "cut.energy.shortest_us"),
        ("cut { energy { shortest_us: 4000001 } }", "cut.energy.longest_us"),
        ("cut { energy { longest_us: 499999 } }", "cut.energy.longest_us"),
        ('section_rules { label: "" }', "section_rules[0].label"),
        ('section_rules { name: "" }', "section_rules[0].name"),
        ("section_rules {} section_rules { index: -2 }", "section_rules[1].index"),
        (
            "section_rules { energy { from_permille: 1001 } }",
            "section_rules[0].energy.from_permille",
        ),
        ("section_rules { energy { from_permille: -1 } }", "section_rules[0].energy.from_permille"),
        (
            "section_rules { energy { from_permille: 9 to_permille: 8 } }",
            "section_rules[0].energy.to_permille",
        ),
        ("section_rules { energy { to_permille: 1001 } }", "section_rules[0].energy.to_permille"),
        ("section_rules { cut { every_n_beats: 65 } }", "section_rules[0].cut.every_n_beats"),
        ("section_rules { transition { frames: 1 } }", "section_rules[0].transition.frames"),
        ("section_rules {} " * 101, "section_rules"),
        ("shortest_shot_us: -1", "shortest_shot_us"),
        ("longest_shot_us: -1", "longest_shot_us"),
        ("shortest_shot_us: 2 longest_shot_us: 1", "longest_shot_us"),
        ("choice { order: 99 }", "choice.order"),
        ("choice { reuse: 99 }", "choice.reuse"),
        ("choice { no_repeat_window: 101 }", "choice.no_repeat_window"),
        ("choice { no_repeat_window: -1 }", "choice.no_repeat_window"),
        ("choice { assets {} }", "choice.assets[0].asset_id"),
        (
            'choice { assets { asset_id: "a" } assets { asset_id: "a" } }',
            "choice.assets[1].asset_id",
        ),
        ('choice { assets { asset_id: "a" weight: 101 } }', "choice.assets[0].weight"),
        ('choice { assets { asset_id: "a" weight: -1 } }', "choice.assets[0].weight"),
        ('choice { assets { asset_id: "a" in_us: -1 } }', "choice.assets[0].in_us"),
        ('choice { assets { asset_id: "a" in_us: 5 out_us: 5 } }', "choice.assets[0].out_us"),
        ('choice { assets { asset_id: "a" out_us: -1 } }', "choice.assets[0].out_us"),
        ("accents {}", "accents[0].type"),
        ("accents { type: 99 }", "accents[0].type"),
        ("accents { type: ACCENT_TYPE_FLASH beats: 99 }", "accents[0].beats"),
        ("accents { type: ACCENT_TYPE_FLASH amount_permille: 1001 }", "accents[0].amount_permille"),
        ("accents { type: ACCENT_TYPE_FLASH amount_permille: -1 }", "accents[0].amount_permille"),
        ("accents { type: ACCENT_TYPE_FLASH duration_ms: 10001 }", "accents[0].duration_ms"),
        ("accents { type: ACCENT_TYPE_FLASH duration_ms: -1 }", "accents[0].duration_ms"),
        ("accents { type: ACCENT_TYPE_FLASH } " * 9, "accents"),
        (f'title {{ text: "{"a" * 501}" }}', "title.text"),
        ("title { duration_ms: 499 }", "title.duration_ms"),
        ("end_card { duration_ms: 60001 }", "end_card.duration_ms"),
        ("end_card { rgb: 0x1000000 }", "end_card.rgb"),
        ("title { veil_permille: 1001 }", "title.veil_permille"),
        ("title { veil_permille: -1 }", "title.veil_permille"),
        ("watermark { corner: 9 }", "watermark.corner"),
        ("watermark { width_permille: 9 }", "watermark.width_permille"),
        ("watermark { width_permille: 501 }", "watermark.width_permille"),
        ("watermark { opacity_permille: 1001 }", "watermark.opacity_permille"),
        ("watermark { opacity_permille: -1 }", "watermark.opacity_permille"),
        ("sound { fade_in_ms: -1 }", "sound.fade_in_ms"),
        ("sound { fade_out_ms: 60001 }", "sound.fade_out_ms"),
        ("sound { clip_permille: 2001 }", "sound.clip_permille"),
        ("sound { ducked_permille: 1001 }", "sound.ducked_permille"),
        ("sound { ducked_permille: -1 }", "sound.ducked_permille"),
        ("speed_ramp { peak_permille: 99 }", "speed_ramp.peak_permille"),
        ("speed_ramp { peak_permille: 10001 }", "speed_ramp.peak_permille"),
        ("speed_ramp { duration_ms: 60001 }", "speed_ramp.duration_ms"),
        ("speed_ramp { duration_ms: -1 }", "speed_ramp.duration_ms"),
    ],
)
def test_a_rule_out_of_its_range_is_named(text: str, field: str):
    assert fields(text) == [f"s.{field}"]


def test_violations_of_all_rules_come_at_once():
    found = fields("""
        end_align: 99
        cut { every_n_beats: 65 }
        section_rules { index: -2 cut { lengths {} } transition { align: 1 } }
        choice { order: 99 assets { weight: -1 } }
        accents {}
        speed_ramp { peak_permille: 1 }
    """)
    assert found == [
        "s.end_align",
        "s.cut.every_n_beats",
        "s.section_rules[0].index",
        "s.section_rules[0].cut.lengths.beats",
        "s.section_rules[0].transition.align",
        "s.accents[0].type",
        "s.choice.order",
        "s.choice.assets[0].asset_id",
        "s.choice.assets[0].weight",
        "s.speed_ramp.peak_permille",
    ]


def test_a_ramp_of_nothing_is_no_ramp():
    assert not fields("speed_ramp {}")


def test_what_a_request_says_wins_over_its_template():
    template = wish(ALL_RULES + "output { width: 1080 height: 1920 frame_rate { num: 60 den: 2 } }")
    merged = merged_settings(
        template,
        wish("""
            beats_per_cut: 2
            output { width: 720 frame_rate { num: 25 } }
            transition { type: TRANSITION_TYPE_CROSSFADE }
            section_rules { label: "B" }
            choice { order: CHOICE_ORDER_SHUFFLE }
            cut {}
        """),
    )
    assert merged.beats_per_cut == 2
    assert merged.seed == -3
    assert (merged.output.width, merged.output.height) == (720, 1920)
    # A rate is one number.
    assert (merged.output.frame_rate.num, merged.output.frame_rate.den) == (25, 0)
    assert merged.transition == edl_pb2.Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE)
    assert [rule.label for rule in merged.section_rules] == ["B"]
    assert merged.choice.order == timeline_rules_pb2.CHOICE_ORDER_SHUFFLE
    assert not merged.choice.assets
    assert merged.cut.WhichOneof("pattern") is None
    assert merged.accents == template.accents
    assert merged.speed_ramp == template.speed_ramp


@pytest.mark.parametrize("text", ["", ALL_RULES, "output { width: 64 }"])
def test_merging_with_nothing_changes_nothing(text: str):
    settings, nothing = wish(text), TimelineSettings()
    assert merged_settings(settings, nothing) == settings
    assert merged_settings(nothing, settings) == settings
    assert nothing == TimelineSettings()
    assert settings == wish(text)
