"""A span of frames and what was chosen for it → a segment of the EDL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Segment
from beatstitch_core.timebase import frame_time_ms
from beatstitch_timeline.accents import accents_of
from beatstitch_timeline.framing import focus_of
from beatstitch_timeline.motion import image_effect
from beatstitch_timeline.sound import clip_gain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch_timeline.accents import BeatFrames
    from beatstitch_timeline.layout import Layout


def segments_of(layout: Layout, beats: BeatFrames) -> Iterator[Segment]:
    """The segments of a video.

    Args:
        layout: What was decided.
        beats: The frames of the beats that accents come on.
    """
    for index in range(len(layout.picks)):
        yield _segment(index, layout, beats)


def _segment(index: int, layout: Layout, beats: BeatFrames) -> Segment:
    span, pick, settings = layout.spans[index], layout.picks[index], layout.settings
    rate, picture = settings.output.frame_rate, pick.picture
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
        transition_in=layout.ways_in[index],
        fit=settings.fit,
    )
    if settings.fit == edl_pb2.FIT_FOCUS:
        segment.focus.CopyFrom(focus_of(picture))
    segment.accents.extend(accents_of(settings.accents, beats, segment, rate))
    if pick.is_clip:
        segment.fill = pick.fill
        segment.source_in_us, segment.source_out_us = pick.source_in_us, pick.source_out_us
        gain = clip_gain(settings, picture)
        if gain:
            segment.sound.gain = gain
        if pick.speed is not None:
            segment.speed.CopyFrom(pick.speed)
        return segment
    effect = image_effect(
        settings.image_motion,
        picture,
        seed=settings.seed,
        index=index,
        output=settings.output,
        fit=settings.fit,
    )
    if effect is not None:
        segment.effect.CopyFrom(effect)
    return segment
