"""What the engine answers: one function a call, request in, reply out, nothing else touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.internal.v1.timeline_engine_service_pb2 import (
    ApplyEditsResponse,
    BuildTimelineResponse,
    DiffTimelinesResponse,
    ExplainCutResponse,
    ExportBeatGridResponse,
    ExportTimelineResponse,
    RetargetTimelineResponse,
    ValidateTimelineResponse,
)
from beatstitch_core.canonical import edl_hash
from beatstitch_core.edl.warn import edl_warnings
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.errors import field_error
from beatstitch_timeline.builder import build
from beatstitch_timeline.diff import diff
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.explain import explain
from beatstitch_timeline.exports import export_grid, export_timeline
from beatstitch_timeline.retarget import retarget

if TYPE_CHECKING:
    from beatstitch.internal.v1.timeline_engine_service_pb2 import (
        ApplyEditsRequest,
        BuildTimelineRequest,
        DiffTimelinesRequest,
        ExplainCutRequest,
        ExportBeatGridRequest,
        ExportTimelineRequest,
        RetargetTimelineRequest,
        ValidateTimelineRequest,
    )
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.info_service_pb2 import Limits

# Keeps a reply about a hopeless EDL of 20,000 segments inside a gRPC message.
MAX_FINDINGS = 1_000
MAX_EDITS = 1_000


def build_timeline(request: BuildTimelineRequest, limits: Limits) -> BuildTimelineResponse:
    """Grid + media + settings + edits → EDL."""
    built = build(
        request.project_id,
        request.audio,
        request.beat_grid,
        request.media,
        request.settings,
        overlay=request.overlay,
        edit_media=request.edit_media,
        watermark=request.watermark if request.HasField("watermark") else None,
        limits=limits,
    )
    return BuildTimelineResponse(
        edl=built.edl,
        edl_hash=edl_hash(built.edl),
        overlay=built.overlay,
        dropped_edits=built.dropped,
    )


def validate_timeline(request: ValidateTimelineRequest, limits: Limits) -> ValidateTimelineResponse:
    """All violations, or the hash; and all warnings."""
    known = {item.asset_id: item for item in request.media} or None
    violations = validate_edl(request.edl, known, limits)
    return ValidateTimelineResponse(
        violations=violations[:MAX_FINDINGS],
        edl_hash="" if violations else edl_hash(request.edl),
        warnings=edl_warnings(request.edl, known)[:MAX_FINDINGS],
    )


def edit_timeline(request: ApplyEditsRequest, limits: Limits) -> ApplyEditsResponse:
    """EDL + edits → EDL.

    The EDL is the gateway's, held against all invariants when it was stored; so it isn't again.
    """
    _check_edl(request.edl, "edl")
    if not 1 <= len(request.edits) <= MAX_EDITS:
        raise field_error("edits", f"must be 1 to {MAX_EDITS} edits, not {len(request.edits)}")
    edited = apply_edits(
        request.edl,
        request.beat_grid,
        request.media,
        request.settings,
        request.edits,
        limits=limits,
    )
    return ApplyEditsResponse(edl=edited.edl, edl_hash=edl_hash(edited.edl), kept=edited.kept)


def explain_cut(request: ExplainCutRequest, limits: Limits) -> ExplainCutResponse:
    """Why a segment is as it is."""
    why = explain(request.build, request.edl, request.segment_index, limits=limits)
    return ExplainCutResponse(explanation=why)


def diff_timelines(request: DiffTimelinesRequest, _limits: Limits) -> DiffTimelinesResponse:
    """What differs between two EDLs."""
    for at, edl in (("before", request.before), ("after", request.after)):
        if edl.segments:
            _check_edl(edl, at)
    found = diff(request.before, request.after, request.settings_before, request.settings_after)
    return DiffTimelinesResponse(diff=found)


def retarget_timeline(request: RetargetTimelineRequest, limits: Limits) -> RetargetTimelineResponse:
    """The same cuts and pictures in another shape."""
    _check_edl(request.edl, "edl")
    edl = retarget(
        request.edl, request.output, request.max_duration_us, request.media, limits=limits
    )
    return RetargetTimelineResponse(edl=edl, edl_hash=edl_hash(edl))


def export_timeline_file(request: ExportTimelineRequest, _limits: Limits) -> ExportTimelineResponse:
    """EDL → file of an editing program."""
    file = export_timeline(
        request.edl,
        request.beat_grid if request.HasField("beat_grid") else None,
        request.media,
        request.format,
        request.media_base_url,
        request.title,
    )
    return ExportTimelineResponse(file=file)


def export_grid_file(request: ExportBeatGridRequest, _limits: Limits) -> ExportBeatGridResponse:
    """Grid → file."""
    file = export_grid(request.beat_grid, request.format, request.title)
    return ExportBeatGridResponse(file=file)


def _check_edl(edl: Edl, at: str) -> None:
    """Refuses what no EDL is: without segments, or without a rate to count frames at."""
    if not edl.segments:
        raise field_error(f"{at}.segments", "must be at least one segment")
    if edl.output.frame_rate.num <= 0 or edl.output.frame_rate.den < 0:
        raise field_error(f"{at}.output.frame_rate", "must be given")
