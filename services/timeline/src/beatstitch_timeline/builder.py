"""Grid + media + settings → EDL. Pure: same inputs and seed, same EDL, same hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, failure_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import AudioTrack, Edl, Segment
from beatstitch_core.canonical import message_hash
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.edl_invariants import EDL_VERSION, validate_edl
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.limits import default_limits
from beatstitch_core.timebase import frame_time_ms, frame_time_us
from beatstitch_timeline.choice import choose
from beatstitch_timeline.cuts import Trim, plan_spans
from beatstitch_timeline.doubt import beats_to_cut
from beatstitch_timeline.inputs import check_inputs, song_length_us
from beatstitch_timeline.motion import ken_burns
from beatstitch_timeline.sources import Sources
from beatstitch_timeline.transitions import way_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_timeline.cuts import Span


def build_edl(
    project_id: str,
    audio: ReadyMedia,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    limits: Limits | None = None,
) -> Edl:
    """The EDL of a song and media.

    Args:
        project_id: The project that the EDL is of.
        audio: The song, sha256 set.
        grid: The song's beats.
        media: Pictures and clips in the order to take them.
        settings: How; fields that are 0 take their defaults.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: FIELD_INVALID with all violations, NO_READY_MEDIA, TOO_FEW_BEATS,
            LOW_CONFIDENCE.
    """
    limits = limits or default_limits()
    check_inputs(project_id, audio, grid, media, settings, limits=limits)
    full = with_defaults(settings)
    song_us = song_length_us(audio, grid)
    trim = Trim(full.audio_start_us, full.audio_end_us or song_us)
    beats = beats_to_cut(grid, song_us, full.on_low_confidence)
    spans = plan_spans(beats, trim, full)
    if len(spans) > limits.max_segments:
        raise field_error(
            "settings.beats_per_cut",
            f"makes {len(spans)} segments, {limits.max_segments} are allowed; cut less often",
        )
    edl = Edl(
        version=EDL_VERSION,
        project_id=project_id,
        output=full.output,
        audio=AudioTrack(
            asset_id=audio.asset_id,
            sha256=audio.object.sha256,
            offset_us=trim.start_us,
            duration_us=trim.duration_us,
        ),
        beat_grid_sha256=message_hash(grid),
    )
    sources = Sources()
    for index in range(len(spans)):
        edl.segments.append(_segment(index, spans, choose(media, index), full, sources))
    return edl


def check_built(edl: Edl, media: Sequence[ReadyMedia], limits: Limits | None = None) -> None:
    """Holds a built EDL against all invariants, so that no fault of ours is ever stored.

    The song is not held against its probe: its length was taken from the grid.

    Raises:
        BeatStitchError: INTERNAL; a violation is a fault of `build_edl`.
    """
    song = ReadyMedia(asset_id=edl.audio.asset_id)
    song.object.sha256 = edl.audio.sha256
    song.info.media_type = common_pb2.MEDIA_TYPE_AUDIO
    song.info.duration_us = edl.audio.offset_us + edl.audio.duration_us
    violations = validate_edl(edl, {item.asset_id: item for item in (*media, song)}, limits)
    if violations:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INTERNAL,
            f"the built EDL breaks {len(violations)} invariants, first {violations[0].field}",
            violations=violations,
        )


def _segment(
    index: int,
    spans: Sequence[Span],
    picture: ReadyMedia,
    settings: TimelineSettings,
    sources: Sources,
) -> Segment:
    span, rate = spans[index], settings.output.frame_rate
    in_ms, out_ms = frame_time_ms(span.begin, rate), frame_time_ms(span.end, rate)
    segment = Segment(
        index=index,
        media_asset_id=picture.asset_id,
        media_sha256=picture.object.sha256,
        media_type=picture.info.media_type,
        timeline_in_frame=span.begin,
        timeline_out_frame=span.end,
        timeline_in_ms=in_ms,
        timeline_out_ms=out_ms,
        render_duration_ms=out_ms - in_ms,
        cut=span.cut,
        transition_in=way_in(spans, index, settings.transition),
        fit=settings.fit,
    )
    if picture.info.media_type == common_pb2.MEDIA_TYPE_VIDEO:
        segment.fill = settings.fill
        segment.source_in_us, segment.source_out_us = sources.take(
            picture.asset_id,
            picture.info.duration_us,
            need_us=frame_time_us(span.frames, rate),
            handle_us=frame_time_us(segment.transition_in.frames, rate),
        )
    elif settings.image_motion == timeline_pb2.IMAGE_MOTION_KEN_BURNS:
        effect = ken_burns(settings.seed, index, picture, settings.output, settings.fit)
        if effect is not None:
            segment.effect.CopyFrom(effect)
    return segment
