"""One segment, explained."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.timeline_service_pb2 import ExplainCutResponse
from beatstitch_core.bars import bars_of
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.timebase import frame_time_us
from beatstitch_timeline.doubt import grid_to_cut
from beatstitch_timeline.explain.candidates import part_text, weigh
from beatstitch_timeline.explain.rule_text import rule_text
from beatstitch_timeline.explain.touched import song_range_us, touching
from beatstitch_timeline.inputs import song_length_us
from beatstitch_timeline.layout import lay_out

if TYPE_CHECKING:
    from beatstitch.internal.v1.timeline_engine_service_pb2 import BuildTimelineRequest
    from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid, Section
    from beatstitch.v1.edl_pb2 import Cut, Edl, Segment
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch_timeline.layout import Layout
    from beatstitch_timeline.rules import Span

LEAD_IN = -1
BY_EDIT = "An edit chose it."
BY_HAND = "It was put there by hand: the settings alone would show something else."


def explain(
    build: BuildTimelineRequest, edl: Edl, segment_index: int, *, limits: Limits | None = None
) -> ExplainCutResponse:
    """Why a segment begins where it does and shows what it does.

    Args:
        build: What the timeline was built from, its overlay included.
        edl: The EDL as it is.
        segment_index: The segment.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: FIELD_INVALID where the EDL has no such segment.
    """
    if not 0 <= segment_index < len(edl.segments):
        last = len(edl.segments) - 1
        raise field_error("segment_index", f"must be 0 to {last}, not {segment_index}")
    segment, full = edl.segments[segment_index], with_defaults(build.settings)
    layout = _layout(build, limits)
    grid = layout.grid if layout else _grid_to_cut(build)
    begin_us, _ = song_range_us(edl, segment_index)
    section = _section_at(grid, begin_us)
    span, number = _span_of(layout, segment)
    why = ExplainCutResponse(
        segment=segment,
        bar_index=_bar_at(grid, begin_us),
        rule_path=span.rule_path if span else "",
        edit_indices=touching(edl, segment_index, build.overlay.edits),
    )
    why.rule = rule_text(segment.cut.rule, why.rule_path, full, section)
    if section is not None:
        why.section.CopyFrom(section)
    beat = _beat_of(grid, segment.cut)
    if beat is not None:
        shown_us = frame_time_us(segment.timeline_in_frame, edl.output.frame_rate)
        why.beat.CopyFrom(beat)
        why.frame_error_us = shown_us - (beat.time_us - edl.audio.offset_us)
    if layout is not None and number is not None and _shows(layout, number, segment):
        weighed = weigh(layout, build.media, number)
        why.candidates.extend(weighed.candidates)
        why.choice = weighed.reason
    else:
        why.choice = BY_EDIT if why.edit_indices else BY_HAND
    why.choice = f"{why.choice} {part_text(segment, edl.output.frame_rate)}".strip()
    return why


def _layout(build: BuildTimelineRequest, limits: Limits | None) -> Layout | None:
    """What the settings decide; None where they can't any more, or never did."""
    try:
        return lay_out(
            build.project_id,
            build.audio,
            build.beat_grid,
            build.media,
            build.settings,
            limits=limits,
        )
    except BeatStitchError:
        return None


def _grid_to_cut(build: BuildTimelineRequest) -> BeatGrid:
    grid, policy = build.beat_grid, build.settings.on_low_confidence
    try:
        return grid_to_cut(grid, song_length_us(build.audio, grid), policy)
    except BeatStitchError:  # refused for its doubts; a client's own EDL may still be cut to it
        return grid


def _span_of(layout: Layout | None, segment: Segment) -> tuple[Span | None, int | None]:
    """The built segment that begins on the same frame for the same reason, and its index."""
    if layout is None:
        return None, None
    begins = [span.begin for span in layout.spans]
    at = bisect_left(begins, segment.timeline_in_frame)
    if at >= len(layout.picks) or layout.spans[at].begin != segment.timeline_in_frame:
        return None, None
    span = layout.spans[at]
    return (span if span.cut == segment.cut else None), at


def _shows(layout: Layout, number: int, segment: Segment) -> bool:
    pick = layout.picks[number]
    same = pick.picture.asset_id == segment.media_asset_id
    return same and pick.source_in_us == segment.source_in_us


def _beat_of(grid: BeatGrid, cut: Cut) -> Beat | None:
    if cut.rule == edl_pb2.CUT_RULE_START or not 0 <= cut.beat_index < len(grid.beats):
        return None
    beat = grid.beats[cut.beat_index]
    return beat if beat.time_us == cut.beat_time_us else None


def _bar_at(grid: BeatGrid, time_us: int) -> int:
    bars = grid.bars or bars_of(grid.beats, grid.duration_us)
    return bisect_right([bar.start_us for bar in bars], time_us) - 1 if bars else LEAD_IN


def _section_at(grid: BeatGrid, time_us: int) -> Section | None:
    inside = (part for part in grid.sections if part.start_us <= time_us < part.end_us)
    return next(inside, None)
