"""Where the video ends: with the audio, or on the last beat or downbeat before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_rules_pb2
from beatstitch_timeline.rules.span import Trim

if TYPE_CHECKING:
    from beatstitch.v1.timeline_rules_pb2 import EndAlign
    from beatstitch_timeline.rules.beats import Beats


def align_end(trim: Trim, beats: Beats, align: EndAlign.ValueType) -> Trim:
    """The trim, ended as asked; as it is where no such beat leaves a frame of video.

    Args:
        trim: What of the song may be heard.
        beats: Of the whole song.
        align: Where to end.
    """
    if align in {
        timeline_rules_pb2.END_ALIGN_UNSPECIFIED,
        timeline_rules_pb2.END_ALIGN_AUDIO,
    }:
        return trim
    for beat in reversed(beats.within(trim)):
        if align == timeline_rules_pb2.END_ALIGN_BAR and beats.places[beat] != 1:
            continue
        return Trim(trim.start_us, beats.times_us[beat]) if beats.frames[beat] >= 1 else trim
    return trim
