"""Grid + media + settings + edits → EDL. Pure: same inputs and seed, same EDL, same hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.edl_pb2 import AudioTrack, Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch_core.canonical import message_hash
from beatstitch_core.edl_invariants import EDL_VERSION, validate_edl
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.accents import BeatFrames, beat_frames
from beatstitch_timeline.edits import replay
from beatstitch_timeline.layout import lay_out
from beatstitch_timeline.overlays import overlays_of, watermark_of
from beatstitch_timeline.segments import segments_of
from beatstitch_timeline.sound import lay_sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_edit_pb2 import DroppedEdit
    from beatstitch.v1.timeline_pb2 import TimelineSettings


class Built(NamedTuple):
    """A built timeline.

    Attributes:
        edl: The EDL, edits included.
        overlay: The edits that are in it.
        dropped: The edits that found no place.
    """

    edl: Edl
    overlay: TimelineOverlay
    dropped: Sequence[DroppedEdit]


def build(
    project_id: str,
    audio: ReadyMedia,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    overlay: TimelineOverlay | None = None,
    edit_media: Sequence[ReadyMedia] = (),
    watermark: ReadyMedia | None = None,
    limits: Limits | None = None,
) -> Built:
    """The EDL that settings make, with a timeline's edits applied, held against all invariants.

    Args:
        project_id: The project that the EDL is of.
        audio: The song, sha256 set.
        grid: The song's beats.
        media: Pictures and clips in the order to take them.
        settings: How; fields that are 0 take their defaults.
        overlay: Edits to apply; None for none.
        edit_media: Pictures and clips that edits show and that are not among `media`.
        watermark: The settings' watermark; None without one, or where it is one of `media`.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: As `build_edl`; INTERNAL where the EDL breaks an invariant: our fault.
    """
    edl = build_edl(project_id, audio, grid, media, settings, watermark=watermark, limits=limits)
    built = Built(edl, TimelineOverlay(), ())
    if overlay is not None and overlay.edits:
        # The song tells how long an even grid is where its own grid doesn't.
        known = [*media, *edit_media, audio]
        built = Built(*replay(built.edl, grid, known, settings, overlay, limits=limits))
    shown = [*media, *edit_media, *([watermark] if watermark is not None else ())]
    check_built(built.edl, shown, limits)
    return built


def build_edl(
    project_id: str,
    audio: ReadyMedia,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    watermark: ReadyMedia | None = None,
    limits: Limits | None = None,
) -> Edl:
    """The EDL of a song and media.

    Args:
        project_id: The project that the EDL is of.
        audio: The song, sha256 set.
        grid: The song's beats.
        media: Pictures and clips in the order to take them.
        settings: How; fields that are 0 take their defaults.
        watermark: As for `build`.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: FIELD_INVALID with all violations, NO_READY_MEDIA, TOO_FEW_BEATS,
            LOW_CONFIDENCE, NOT_ENOUGH_MEDIA.
    """
    layout = lay_out(project_id, audio, grid, media, settings, limits=limits)
    output = layout.settings.output
    edl = Edl(
        version=EDL_VERSION,
        project_id=project_id,
        output=output,
        audio=AudioTrack(
            asset_id=audio.asset_id,
            sha256=audio.object.sha256,
            offset_us=layout.trim.start_us,
            duration_us=layout.trim.duration_us,
        ),
        beat_grid_sha256=message_hash(grid),
    )
    beats = BeatFrames((), ())
    if layout.settings.accents:
        beats = beat_frames(layout.grid, layout.trim.start_us, output.frame_rate)
    edl.segments.extend(segments_of(layout, beats))
    lay_sound(edl.audio, layout.settings)
    mark = watermark_of(layout.settings, media, watermark)
    edl.overlays.extend(overlays_of(layout.settings, edl.segments[-1].timeline_out_frame, mark))
    return edl


def check_built(edl: Edl, media: Sequence[ReadyMedia], limits: Limits | None = None) -> None:
    """Holds a built EDL against all invariants, so that no fault of ours is ever stored.

    The song is not held against its probe: its length was taken from the grid.

    Raises:
        BeatStitchError: INTERNAL; a violation is a fault of ours.
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
