"""Where the video ends: with the audio, or on the last beat or downbeat before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_rules_pb2
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.rules.span import Trim

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.timeline_rules_pb2 import EndAlign
    from beatstitch_timeline.rules.beats import Beats


def align_end(trim: Trim, beats: Beats, align: EndAlign.ValueType, rate: Rational) -> Trim:
    """The trim, ended as asked; as it is where no such beat leaves a frame of video.

    Args:
        trim: What of the song may be heard.
        beats: Of the whole song.
        align: Where to end.
        rate: Frames per second.
    """
    if align in {
        timeline_rules_pb2.END_ALIGN_UNSPECIFIED,
        timeline_rules_pb2.END_ALIGN_AUDIO,
    }:
        return trim
    for beat in reversed(beats.within(trim)):
        if align == timeline_rules_pb2.END_ALIGN_BAR and beats.places[beat] != 1:
            continue
        ended = Trim(trim.start_us, beats.times_us[beat])
        return ended if frame_at(ended.duration_us, rate) >= 1 else trim
    return trim
