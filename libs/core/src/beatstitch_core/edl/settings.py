"""Settings of a timeline: every field given, every field allowed, or all violations at once.

Lives in the core because two rooms need the same answer: the gateway to refuse a request before it
becomes a job, the timeline service to build.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl import rule_checks, rule_defaults
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.output import check_output
from beatstitch_core.limits import DEFAULT_BEATS_PER_CUT, default_limits

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.failure_pb2 import FieldViolation
    from beatstitch.v1.info_service_pb2 import Limits

DEFAULT_WIDTH = 1280
DEFAULT_HEIGHT = 720
DEFAULT_FPS = 30
MAX_SECTION_RULES = 100
MAX_ACCENT_RULES = 8


def merged_settings(base: TimelineSettings, over: TimelineSettings) -> TimelineSettings:
    """A template's settings under a request's: what `over` says wins, the rest is `base`'s.

    A number or an enum says something when it is not 0, a message when it is set, a list when it is
    not empty. `output` is merged field by field; other messages and lists are taken whole, since
    half of one rule and half of another make no rule. An empty message takes the template's away:
    `cut {}` goes back to every beats_per_cut.
    """
    merged = TimelineSettings()
    merged.CopyFrom(base)
    _lay_over(merged, over)
    if base.HasField("output") and over.HasField("output"):
        merged.output.CopyFrom(base.output)
        _lay_over(merged.output, over.output)
    return merged


def with_defaults(settings: TimelineSettings) -> TimelineSettings:
    """A copy in which every field is given and the rate is in lowest terms. Checks nothing.

    What may be absent stays so: a cut pattern (every beats_per_cut), a section rule's own pattern
    and transition, a speed ramp, cards, a watermark, rules of sound.
    """
    full = TimelineSettings()
    full.CopyFrom(settings)
    full.beats_per_cut = full.beats_per_cut or DEFAULT_BEATS_PER_CUT
    full.output.width = full.output.width or DEFAULT_WIDTH
    full.output.height = full.output.height or DEFAULT_HEIGHT
    _reduce(full.output.frame_rate)
    full.fit = full.fit or edl_pb2.FIT_COVER
    full.image_motion = full.image_motion or timeline_pb2.IMAGE_MOTION_KEN_BURNS
    full.fill = full.fill or edl_pb2.FILL_POLICY_LOOP
    full.on_low_confidence = full.on_low_confidence or timeline_pb2.LOW_CONFIDENCE_POLICY_WARN
    full.end_align = full.end_align or timeline_rules_pb2.END_ALIGN_AUDIO
    rule_defaults.fill_transition(full.transition, full.output.frame_rate)
    if full.HasField("cut"):
        rule_defaults.fill_cut(full.cut)
    for rule in full.section_rules:
        rule_defaults.fill_section_rule(rule, full.output.frame_rate)
    rule_defaults.fill_choice(full.choice)
    for accent in full.accents:
        rule_defaults.fill_accent(accent)
    if full.HasField("speed_ramp"):
        rule_defaults.fill_ramp(full.speed_ramp)
    if full.HasField("title"):
        rule_defaults.fill_card(full.title, rule_defaults.TITLE_VEIL_PERMILLE)
    if full.HasField("end_card"):
        rule_defaults.fill_card(full.end_card, rule_defaults.END_CARD_VEIL_PERMILLE)
    if full.HasField("watermark"):
        rule_defaults.fill_watermark(full.watermark)
    if full.HasField("sound"):
        rule_defaults.fill_sound(full.sound)
    return full


def check_settings(
    settings: TimelineSettings,
    limits: Limits | None = None,
    *,
    song_us: int | None = None,
    at: str = "settings",
) -> list[FieldViolation]:
    """All that is wrong with settings; empty when a timeline can be built with them.

    Args:
        settings: As the client sent them; fields that are 0 take their defaults.
        limits: What may be asked for; the defaults when None.
        song_us: The song's length in microseconds; None: the trim is not held against it.
        at: Path of the settings in the request.
    """
    limits = limits or default_limits()
    full, found = with_defaults(settings), Findings()
    found.expect_range(full.beats_per_cut, 1, limits.max_beats_per_cut, f"{at}.beats_per_cut")
    check_output(full.output, limits, f"{at}.output", found)
    rule_checks.check_transition(full.transition, f"{at}.transition", found)
    for name, value, known in (
        ("fit", full.fit, edl_pb2.Fit.values()),
        ("image_motion", full.image_motion, timeline_pb2.ImageMotion.values()),
        ("fill", full.fill, edl_pb2.FillPolicy.values()),
        ("on_low_confidence", full.on_low_confidence, timeline_pb2.LowConfidencePolicy.values()),
        ("end_align", full.end_align, timeline_rules_pb2.EndAlign.values()),
    ):
        found.expect_known(value, known, f"{at}.{name}")
    _check_trim(full, song_us, at, found)
    _check_rules(full, limits.max_beats_per_cut, at, found)
    return found.violations


def _lay_over(below: Message, above: Message) -> None:
    for field, value in above.ListFields():
        below.ClearField(field.name)
        if field.is_repeated:
            getattr(below, field.name).extend(value)
        elif field.message_type is not None:
            getattr(below, field.name).CopyFrom(value)
        else:
            setattr(below, field.name, value)


def _reduce(rate: Rational) -> None:
    if rate.num == 0 and rate.den == 0:
        rate.num = DEFAULT_FPS
    rate.den = rate.den or 1
    if rate.num > 0 and rate.den > 0:
        divisor = gcd(rate.num, rate.den)
        rate.num //= divisor
        rate.den //= divisor


def _check_rules(full: TimelineSettings, most_beats: int, at: str, found: Findings) -> None:
    rule_checks.check_cut(full.cut, most_beats, f"{at}.cut", found)
    for name, rules, most in (
        ("section_rules", full.section_rules, MAX_SECTION_RULES),
        ("accents", full.accents, MAX_ACCENT_RULES),
    ):
        found.expect(
            len(rules) <= most, f"{at}.{name}", f"must be at most {most}, not {len(rules)}"
        )
    for k, rule in enumerate(full.section_rules[:MAX_SECTION_RULES]):
        rule_checks.check_section_rule(rule, most_beats, f"{at}.section_rules[{k}]", found)
    for k, accent in enumerate(full.accents[:MAX_ACCENT_RULES]):
        rule_checks.check_accent(accent, f"{at}.accents[{k}]", found)
    rule_checks.check_choice(full.choice, f"{at}.choice", found)
    if full.HasField("speed_ramp"):
        rule_checks.check_ramp(full.speed_ramp, f"{at}.speed_ramp", found)
    if full.HasField("title"):
        rule_checks.check_card(full.title, f"{at}.title", found)
    if full.HasField("end_card"):
        rule_checks.check_card(full.end_card, f"{at}.end_card", found)
    if full.HasField("watermark"):
        rule_checks.check_watermark(full.watermark, f"{at}.watermark", found)
    if full.HasField("sound"):
        rule_checks.check_sound(full.sound, f"{at}.sound", found)
    shortest, longest = full.shortest_shot_us, full.longest_shot_us
    found.expect(shortest >= 0, f"{at}.shortest_shot_us", f"must be 0 or more, not {shortest}")
    found.expect(
        longest == 0 or longest >= max(shortest, 1),
        f"{at}.longest_shot_us",
        f"must be 0 (no limit) or at least shortest_shot_us, not {longest}",
    )


def _check_trim(full: TimelineSettings, song_us: int | None, at: str, found: Findings) -> None:
    start, end = full.audio_start_us, full.audio_end_us
    found.expect(start >= 0, f"{at}.audio_start_us", f"must be 0 or more, not {start}")
    if end < 0 or 0 < end <= start:
        found.add(
            f"{at}.audio_end_us", f"must be 0 (the song's end) or above audio_start_us, not {end}"
        )
    if song_us is not None:
        text = f"lies after the song's end at {song_us} µs"
        found.expect(start < song_us, f"{at}.audio_start_us", text)
        found.expect(end <= song_us, f"{at}.audio_end_us", text)
