"""An EDL in another shape.

Frames are counted anew from the beats' times, never scaled, so that each cut is on its beat at any
rate. Of cuts that fall on one frame the last one stays: a segment without frames is not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.output import check_output
from beatstitch_core.errors import field_error, fields_error
from beatstitch_core.limits import default_limits
from beatstitch_core.timebase import frame_at, rate_fraction, round_half_up
from beatstitch_timeline.retarget.reshape import Reshape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import AudioTrack, OutputFormat
    from beatstitch.v1.info_service_pb2 import Limits


class _Span(NamedTuple):
    """Where a segment that stays is in the new video."""

    source: int
    begin: int
    end: int


def retarget(
    edl: Edl,
    output: OutputFormat,
    max_duration_us: int,
    media: Sequence[ReadyMedia],
    *,
    limits: Limits | None = None,
) -> Edl:
    """An EDL in another shape.

    Args:
        edl: A valid EDL; it is not changed.
        output: The shape; fields that are 0 stay.
        max_duration_us: Longest video in microseconds, which then ends on its last cut up to
            there, or there where it has no cut; 0 for any.
        media: The assets that the EDL names, for their sizes and lengths.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: FIELD_INVALID for a shape or a duration that can't be.
    """
    made = Edl()
    made.CopyFrom(edl)
    _merge_output(made.output, output)
    found = Findings()
    check_output(made.output, limits or default_limits(), "output", found)
    found.expect(max_duration_us >= 0, "max_duration_us", f"must be 0 or more: {max_duration_us}")
    if found.violations:
        raise fields_error(found.violations)
    _shorten(made, max_duration_us)
    end = frame_at(made.audio.duration_us, made.output.frame_rate)
    if end < 1:
        field = "max_duration_us" if max_duration_us else "output.frame_rate"
        raise field_error(field, "less than one frame is left of the video")
    reshape = Reshape(edl, made.output, media)
    spans = list(_spans(edl, made.output, end))
    del made.segments[:]
    made.segments.extend(reshape.segments(spans))
    scale = rate_fraction(made.output.frame_rate) / rate_fraction(edl.output.frame_rate)
    _fit_overlays(edl, made, scale, end)
    return made


def _merge_output(output: OutputFormat, wanted: OutputFormat) -> None:
    output.width = wanted.width or output.width
    output.height = wanted.height or output.height
    output.background_rgb = wanted.background_rgb or output.background_rgb
    if wanted.frame_rate.num:
        output.frame_rate.CopyFrom(wanted.frame_rate)
        output.frame_rate.den = wanted.frame_rate.den or 1


def _shorten(made: Edl, max_duration_us: int) -> None:
    audio = made.audio
    if not max_duration_us or audio.duration_us <= max_duration_us:
        return
    duration_us = max_duration_us
    for segment in made.segments[1:]:
        cut_us = segment.cut.beat_time_us - audio.offset_us
        if cut_us > max_duration_us:
            break
        if frame_at(cut_us, made.output.frame_rate) > 0:
            duration_us = cut_us
    _set_duration(audio, duration_us)


def _set_duration(audio: AudioTrack, duration_us: int) -> None:
    audio.duration_us = duration_us
    audio.fade_in_us = min(audio.fade_in_us, duration_us)
    audio.fade_out_us = min(audio.fade_out_us, duration_us - audio.fade_in_us)


def _spans(edl: Edl, output: OutputFormat, end: int) -> Iterator[_Span]:
    """The segments that have frames in the new video."""
    held = 0, 0
    for index, segment in enumerate(edl.segments):
        if index == 0:
            continue
        begin = frame_at(segment.cut.beat_time_us - edl.audio.offset_us, output.frame_rate)
        if begin >= end:
            break
        if begin > held[1]:
            yield _Span(*held, begin)
        held = index, max(begin, 0)
    yield _Span(*held, end)


def _fit_overlays(edl: Edl, made: Edl, scale: Fraction, end: int) -> None:
    """Overlays at the new rate; one that ended with the video does so again."""
    was = edl.segments[-1].timeline_out_frame
    del made.overlays[:]
    for overlay in edl.overlays:
        begin, out = (round_half_up(at * scale) for at in (overlay.in_frame, overlay.out_frame))
        if overlay.out_frame == was:
            begin, out = (max(0, end - (out - begin)) if overlay.in_frame else 0), end
        out = min(max(out, begin + 1), end)
        if begin >= out:
            continue
        fitted = made.overlays.add()
        fitted.CopyFrom(overlay)
        fitted.in_frame, fitted.out_frame = begin, out
        fitted.fade_frames = min(round_half_up(overlay.fade_frames * scale), (out - begin) // 2)
