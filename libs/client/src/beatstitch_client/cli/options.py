"""What a video is to be like: options of the command as settings of the server."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.v1 import analysis_service_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.beat_grid_edit_pb2 import (
    BeatGridEdit,
    HintTempo,
    ScaleTempo,
    ShiftHalfBeat,
)
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import Fit, TransitionType
from beatstitch.v1.job_pb2 import JOB_LANE_UNSPECIFIED, JobLane
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client.cli.exits import UsageError
from beatstitch_core.edl.output import MAX_RATIONAL_TERM
from beatstitch_core.edl.settings import check_settings
from beatstitch_core.grid_edits.checks import LEAST_BPM, MOST_BPM
from beatstitch_core.profiles import render_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

# What people write for the rates of NTSC.
_NTSC: Mapping[str, Fraction] = {
    "23.976": Fraction(24_000, 1_001),
    "23.98": Fraction(24_000, 1_001),
    "29.97": Fraction(30_000, 1_001),
    "47.952": Fraction(48_000, 1_001),
    "59.94": Fraction(60_000, 1_001),
    "119.88": Fraction(120_000, 1_001),
}


class TransitionName(StrEnum):
    """How one picture becomes the next."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE_BLACK = "fade-black"
    FADE_WHITE = "fade-white"
    WIPE = "wipe"
    SLIDE = "slide"
    PUSH = "push"
    ZOOM = "zoom"


class FitName(StrEnum):
    """How pictures are brought to the video's shape."""

    COVER = "cover"
    CONTAIN = "contain"
    BLUR = "blur"
    FOCUS = "focus"


class AnalyzerName(StrEnum):
    """Which tracker looks for the beats."""

    AUTO = "auto"
    MADMOM = "madmom"
    LIBROSA = "librosa"


class LaneName(StrEnum):
    """Which queue a job waits in."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


def lane_of(name: LaneName | None) -> JobLane.ValueType:
    """The lane of a name; the server's choice for none."""
    return JobLane.Value(f"JOB_LANE_{name.name}") if name is not None else JOB_LANE_UNSPECIFIED


def parse_fps(text: str) -> Rational:
    """Reads "30", "30000/1001" or "29.97" (which is read as 30000/1001).

    Raises:
        UsageError: It is none of these.
    """
    try:
        rate = _NTSC.get(text.strip()) or Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps is N, N/D or a decimal number, not {text!r}") from None
    rate = rate.limit_denominator(MAX_RATIONAL_TERM)
    if not 0 < rate <= MAX_RATIONAL_TERM or rate.numerator > MAX_RATIONAL_TERM:
        raise UsageError(f"--fps can't be {text!r}: 1 to 120 frames per second")
    return Rational(num=rate.numerator, den=rate.denominator)


def known_profile(name: str) -> str:
    """The name of a profile.

    Raises:
        UsageError: There is none of this name; those that there are, are told.
    """
    known = render_profiles()
    if name not in known:
        raise UsageError(f"--profile is one of {', '.join(known)}, not {name!r}")
    return name


def timeline_settings(
    *,
    beats_per_cut: int | None = None,
    width: int | None = None,
    height: int | None = None,
    fps: str = "",
    transition: TransitionName | None = None,
    fit: FitName | None = None,
    seed: int = 0,
) -> TimelineSettings:
    """The settings that the options stand for; what is not given is left to template and server.

    Raises:
        UsageError: The server would refuse them; all that is wrong is named.
    """
    settings = TimelineSettings(beats_per_cut=beats_per_cut or 0, seed=seed)
    if width or height:
        settings.output.width, settings.output.height = width or 0, height or 0
    if fps:
        settings.output.frame_rate.CopyFrom(parse_fps(fps))
    if fit is not None:
        settings.fit = Fit.Value(f"FIT_{fit.name}")
    if transition is not None:
        settings.transition.type = TransitionType.Value(f"TRANSITION_TYPE_{transition.name}")
    violations = check_settings(settings)
    if violations:
        raise UsageError(
            "; ".join(f"{_option(item.field)} {item.description}" for item in violations)
        )
    return settings


def analysis_settings(analyzer: AnalyzerName) -> AnalysisSettings | None:
    """How to look for beats; None where the upload's own analysis is good."""
    if analyzer is AnalyzerName.AUTO:
        return None
    choice = (
        analysis_service_pb2.ANALYZER_CHOICE_MADMOM
        if analyzer is AnalyzerName.MADMOM
        else analysis_service_pb2.ANALYZER_CHOICE_LIBROSA
    )
    return AnalysisSettings(analyzer=choice)


def grid_edits(*, bpm: float, double: bool, halve: bool, half_beat: bool) -> list[BeatGridEdit]:
    """Corrections of the beats: first the tempo that was asked for, then faster or slower.

    Raises:
        UsageError: They contradict each other, or the tempo is none.
    """
    if double and halve:
        raise UsageError("take either --double or --halve")
    if bpm and not LEAST_BPM <= bpm <= MOST_BPM:
        raise UsageError(f"--bpm is {LEAST_BPM:g} to {MOST_BPM:g}, not {bpm:g}")
    edits = [BeatGridEdit(hint_tempo=HintTempo(bpm=bpm))] if bpm else []
    if double or halve:
        scale = ScaleTempo(num=2, den=1) if double else ScaleTempo(num=1, den=2)
        edits.append(BeatGridEdit(scale_tempo=scale))
    if half_beat:
        edits.append(BeatGridEdit(shift_half_beat=ShiftHalfBeat()))
    return edits


def _option(field: str) -> str:
    """The option that stands for a field of the settings."""
    names = {"frame_rate": "fps"}
    last = field.rpartition(".")[2]
    return "--" + names.get(last, last).replace("_", "-")
