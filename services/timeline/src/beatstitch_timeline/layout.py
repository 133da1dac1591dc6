"""What is decided about a video before any segment is written: cuts, ways in, pictures.

The builder writes it down as an EDL; an explanation of a cut reads it again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.errors import field_error
from beatstitch_core.limits import default_limits
from beatstitch_timeline.choice import choose_all
from beatstitch_timeline.doubt import grid_to_cut
from beatstitch_timeline.inputs import check_inputs, song_length_us
from beatstitch_timeline.ramps import ramps
from beatstitch_timeline.rules import Trim, plan_video
from beatstitch_timeline.transitions import ways_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Speed, Transition
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_timeline.choice import Pick
    from beatstitch_timeline.rules import Span


class Layout(NamedTuple):
    """What is decided about a video.

    Attributes:
        settings: With all fields given.
        grid: The beats that are cut on: the song's own, or an even row of its tempo.
        trim: The part of the song that is heard.
        spans: Where segments may begin; more than `picks` where the media end the video.
        ways_in: How each span begins.
        speeds: How fast a clip with enough material runs in each; None for normal speed.
        picks: What each segment shows; there are as many segments.
    """

    settings: TimelineSettings
    grid: BeatGrid
    trim: Trim
    spans: Sequence[Span]
    ways_in: Sequence[Transition]
    speeds: Sequence[Speed | None]
    picks: Sequence[Pick]


def lay_out(
    project_id: str,
    audio: ReadyMedia,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    limits: Limits | None = None,
) -> Layout:
    """Decides a video.

    Args:
        project_id: The project that it is of.
        audio: The song, sha256 set.
        grid: The song's beats.
        media: Pictures and clips in the order to take them.
        settings: How; fields that are 0 take their defaults.
        limits: What may be asked for; the defaults when None.

    Raises:
        BeatStitchError: FIELD_INVALID with all violations, NO_READY_MEDIA, TOO_FEW_BEATS,
            LOW_CONFIDENCE, NOT_ENOUGH_MEDIA.
    """
    limits = limits or default_limits()
    check_inputs(project_id, audio, grid, media, settings, limits=limits)
    full = with_defaults(settings)
    song_us = song_length_us(audio, grid)
    trim = Trim(full.audio_start_us, full.audio_end_us or song_us)
    to_cut = grid_to_cut(grid, song_us, full.on_low_confidence)
    trim, spans = plan_video(to_cut, trim, full)
    _check_count(spans, limits)
    ways = ways_in(spans, full.transition)
    speeds = ramps(full.speed_ramp, [span.frames for span in spans], full.output.frame_rate)
    picks = choose_all(spans, ways, to_cut, media, full, speeds=speeds)
    if len(picks) < len(spans):
        # The media end the video: its sound ends on the beat that the next segment had begun on.
        trim = Trim(trim.start_us, spans[len(picks)].cut.beat_time_us)
    return Layout(full, to_cut, trim, spans, ways, speeds, picks)


def _check_count(spans: Sequence[Span], limits: Limits) -> None:
    if len(spans) > limits.max_segments:
        busiest, _ = Counter(span.rule_path for span in spans).most_common(1)[0]
        raise field_error(
            f"settings.{busiest}",
            f"makes {len(spans)} segments, {limits.max_segments} are allowed; cut less often",
        )
