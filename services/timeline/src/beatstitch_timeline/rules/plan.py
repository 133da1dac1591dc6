"""Which beats are cut, and in which frames.

Rules choose beats; each begins a segment in round(beat time × fps) on the absolute axis. The
lead-in before the first beat belongs to the first segment: a pattern's first beat begins nothing,
unless it is in the first frame. Only a section with a rule of its own that begins after the video
does is cut there too. A beat that rounds to the frame of the cut before it, or to the end, begins
nothing: a segment has at least one frame.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2, failure_pb2
from beatstitch.v1.edl_pb2 import Cut
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.rules.beats import beats_of
from beatstitch_timeline.rules.ends import align_end
from beatstitch_timeline.rules.patterns import choose_beats
from beatstitch_timeline.rules.sections import NONE, Form
from beatstitch_timeline.rules.shots import Wanted, fill_long, leave_out_short
from beatstitch_timeline.rules.span import Span, Trim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_timeline.rules.beats import Beats
    from beatstitch_timeline.rules.sections import Stretch

BEATS_NEEDED = 1


class Plan(NamedTuple):
    """The video's cuts.

    Attributes:
        trim: The part of the song that is heard, ended as the settings ask.
        spans: The segments' frames, from 0 to the trim's end without a gap.
    """

    trim: Trim
    spans: list[Span]


def plan_video(grid: BeatGrid, trim: Trim, settings: TimelineSettings) -> Plan:
    """Where the video is cut and where it ends.

    Args:
        grid: The beats to cut on, times strictly increasing, and the song's sections in order.
        trim: What of the song may be heard.
        settings: With all fields given.

    Raises:
        BeatStitchError: TOO_FEW_BEATS where no beat lies inside the trim; FIELD_INVALID where the
            trim is shorter than a frame.
    """
    rate = settings.output.frame_rate
    if frame_at(trim.duration_us, rate) < 1:
        raise field_error("settings.audio_end_us", "less than one frame is left of the song")
    beats = beats_of(grid, trim.start_us, rate)
    if len(inside := beats.within(trim)) < BEATS_NEEDED:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_TOO_FEW_BEATS,
            "the song has no beat to cut on in the part that is used",
            metadata={"beats": str(len(inside)), "needed": str(BEATS_NEEDED)},
        )
    song = _Song(
        beats,
        align_end(trim, beats, settings.end_align),
        Form(grid.sections, settings.section_rules),
        settings,
    )
    end = frame_at(song.trim.duration_us, rate)
    opening, wanted = _wanted(song)
    shortest_us, longest_us = settings.shortest_shot_us, settings.longest_shot_us
    cuts = _in_frames_of_their_own(wanted, beats.frames, end)
    cuts = leave_out_short(cuts, beats.times_us, trim.start_us, shortest_us)
    cuts = fill_long(cuts, beats, song.trim, end, shortest_us=shortest_us, longest_us=longest_us)
    frames = [0, *(beats.frames[cut.beat] for cut in cuts), end]
    return Plan(
        song.trim,
        [
            _span(begin, out, cut, song)
            for cut, (begin, out) in zip([opening, *cuts], pairwise(frames), strict=True)
        ],
    )


class _Song(NamedTuple):
    beats: Beats
    trim: Trim
    form: Form
    settings: TimelineSettings


def _wanted(song: _Song) -> tuple[Wanted | None, list[Wanted]]:
    """The beat in the first frame where a rule chose it, and the cuts after the first frame."""
    cuts: list[Wanted] = []
    inside = song.beats.within(song.trim)
    for stretch in song.form.stretches(inside, song.beats):
        cuts += _cuts_of(stretch, song.beats, song.settings)
    if not cuts or cuts[0].beat != inside.start:
        return None, cuts
    time_us = song.beats.times_us[inside.start]
    if song.beats.frames[inside.start] == 0:
        return cuts[0], cuts[1:]
    section = song.form.section_at(time_us)
    ruled = song.form.rule_of(section) != NONE
    if ruled and song.form.begins_after(section, song.trim.start_us):
        return None, cuts
    return None, cuts[1:]


def _cuts_of(stretch: Stretch, beats: Beats, settings: TimelineSettings) -> list[Wanted]:
    pattern, path = settings.cut, "cut"
    cuts: list[Wanted] = []
    if stretch.rule != NONE:
        rule, at = settings.section_rules[stretch.rule], f"section_rules[{stretch.rule}]"
        if stretch.opens:
            cuts.append(Wanted(stretch.beats.start, edl_pb2.CUT_RULE_SECTION, at))
        # A rule for transitions alone cuts as the rest of the song is cut.
        if rule.HasField("cut"):
            pattern, path = rule.cut, f"{at}.cut"
    chosen = choose_beats(pattern, path, settings.beats_per_cut, stretch.beats, beats)
    cuts += (
        Wanted(beat, chosen.rule, chosen.path)
        for beat in chosen.beats
        if not stretch.opens or beat != stretch.beats.start
    )
    return cuts


def _in_frames_of_their_own(
    cuts: Sequence[Wanted], frames: Sequence[int], end: int
) -> list[Wanted]:
    """The cuts after the first frame and before the end, the first of those in one frame."""
    own: list[Wanted] = []
    last = 0
    for cut in cuts:
        if last < frames[cut.beat] < end:
            own.append(cut)
            last = frames[cut.beat]
    return own


def _span(begin: int, end: int, wanted: Wanted | None, song: _Song) -> Span:
    cut, path, time_us = Cut(beat_index=-1, rule=edl_pb2.CUT_RULE_START), "", song.trim.start_us
    if wanted:
        path, time_us = wanted.path, song.beats.times_us[wanted.beat]
        cut = Cut(beat_index=wanted.beat, beat_time_us=time_us, rule=wanted.rule)
    section = song.form.section_at(time_us)
    transition = None
    if (rule := song.form.rule_of(section)) != NONE:
        asked = song.settings.section_rules[rule]
        transition = asked.transition if asked.HasField("transition") else None
    return Span(begin, end, cut, section, path, transition)
