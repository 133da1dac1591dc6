"""Settings of a timeline: every field given, every field allowed, or all violations at once.

Lives in the core because two rooms need the same answer: the gateway to refuse a request before it
becomes a job, the timeline service to build.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.output import check_output
from beatstitch_core.limits import DEFAULT_BEATS_PER_CUT, default_limits
from beatstitch_core.timebase import rate_fraction, round_half_up

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.failure_pb2 import FieldViolation
    from beatstitch.v1.info_service_pb2 import Limits

DEFAULT_WIDTH = 1280
DEFAULT_HEIGHT = 720
DEFAULT_FPS = 30
CROSSFADES_PER_S = 4  # the default crossfade is a quarter of a second


def with_defaults(settings: TimelineSettings) -> TimelineSettings:
    """A copy in which every field is given and the rate is in lowest terms. Checks nothing."""
    full = TimelineSettings()
    full.CopyFrom(settings)
    full.beats_per_cut = full.beats_per_cut or DEFAULT_BEATS_PER_CUT
    full.output.width = full.output.width or DEFAULT_WIDTH
    full.output.height = full.output.height or DEFAULT_HEIGHT
    _reduce(full.output.frame_rate)
    full.fit = full.fit or edl_pb2.FIT_COVER
    full.image_motion = full.image_motion or timeline_pb2.IMAGE_MOTION_KEN_BURNS
    full.fill = full.fill or edl_pb2.FILL_POLICY_LOOP
    full.transition.type = full.transition.type or edl_pb2.TRANSITION_TYPE_CUT
    if full.transition.type == edl_pb2.TRANSITION_TYPE_CROSSFADE and not full.transition.frames:
        full.transition.frames = default_fade_frames(full.output.frame_rate)
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
    found.expect(
        1 <= full.beats_per_cut <= limits.max_beats_per_cut,
        f"{at}.beats_per_cut",
        f"must be 1 to {limits.max_beats_per_cut}, not {full.beats_per_cut}",
    )
    check_output(full.output, limits, f"{at}.output", found)
    _check_transition(full, at, found)
    choices = (
        ("fit", full.fit, edl_pb2.Fit),
        ("image_motion", full.image_motion, timeline_pb2.ImageMotion),
        ("fill", full.fill, edl_pb2.FillPolicy),
        ("on_low_confidence", full.on_low_confidence, timeline_pb2.LowConfidencePolicy),
    )
    for name, value, kind in choices:
        found.expect(value in kind.values(), f"{at}.{name}", f"unknown value {int(value)}")
    _check_trim(full, song_us, at, found)
    return found.violations


def default_fade_frames(rate: Rational) -> int:
    """A quarter of a second in frames, at least 1; 1 for a rate that can't be counted with."""
    try:
        return max(1, round_half_up(rate_fraction(rate) / CROSSFADES_PER_S))
    except ValueError:
        return 1


def _reduce(rate: Rational) -> None:
    if rate.num == 0 and rate.den == 0:
        rate.num = DEFAULT_FPS
    rate.den = rate.den or 1
    if rate.num > 0 and rate.den > 0:
        divisor = gcd(rate.num, rate.den)
        rate.num //= divisor
        rate.den //= divisor


def _check_transition(full: TimelineSettings, at: str, found: Findings) -> None:
    way = full.transition
    if way.type == edl_pb2.TRANSITION_TYPE_CUT:
        # Frames without a type are a forgotten type, not a cut of that length.
        found.expect(way.frames == 0, f"{at}.transition.frames", "must be 0 for a cut")
    elif way.type == edl_pb2.TRANSITION_TYPE_CROSSFADE:
        found.expect(
            way.frames > 0, f"{at}.transition.frames", f"must be 0 or more, not {way.frames}"
        )
    else:
        found.add(f"{at}.transition.type", f"unknown transition {int(way.type)}")


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
