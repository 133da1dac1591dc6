"""The way through the segments: one picture or clip for each, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.ways_in import reach
from beatstitch_core.timebase import frame_time_us
from beatstitch_timeline.choice.pick import Pick
from beatstitch_timeline.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Transition
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_timeline.cuts import Span

HOLDS = (edl_pb2.FILL_POLICY_HOLD, edl_pb2.FILL_POLICY_SPEED_FIT)


def choose_all(
    spans: Sequence[Span],
    ways_in: Sequence[Transition],
    grid: BeatGrid,  # noqa: ARG001
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
) -> list[Pick]:
    """What each segment shows.

    Args:
        spans: The segments' frames, in order.
        ways_in: How each segment begins; as many as spans.
        grid: The song's beats, for their energy.
        media: Pictures and clips in the order to take them; not empty.
        settings: With all fields given.

    Returns:
        As many picks as spans; fewer, at least one, where the settings end the video with the media.

    Raises:
        BeatStitchError: NOT_ENOUGH_MEDIA.
    """
    rate, sources, picks = settings.output.frame_rate, Sources(), []
    for index, (span, way_in) in enumerate(zip(spans, ways_in, strict=True)):
        picture = media[index % len(media)]
        if picture.info.media_type != common_pb2.MEDIA_TYPE_VIDEO:
            picks.append(Pick(picture))
            continue
        begin, out = sources.take(
            picture.asset_id,
            picture.info.duration_us,
            need_us=frame_time_us(span.frames, rate),
            handle_us=frame_time_us(reach(way_in).before, rate),
        )
        fill = edl_pb2.FILL_POLICY_HOLD if settings.fill in HOLDS else edl_pb2.FILL_POLICY_LOOP
        picks.append(Pick(picture, begin, out, fill))
    return picks


def choose(media: Sequence[ReadyMedia], index: int) -> ReadyMedia:
    """What segment `index` shows in the given order; goes when the builder asks `choose_all`."""
    return media[index % len(media)]
