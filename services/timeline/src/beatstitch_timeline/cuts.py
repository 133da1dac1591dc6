"""Which beats are cut, and in which frames.

Of the beats inside the trim, numbers 0, n, 2n… begin a segment, each in round(beat time × fps) on
the absolute axis. The lead-in before the first beat belongs to the first segment; so do all beats
up to number n. A beat that rounds to the frame of the cut before it, or to the end, begins nothing:
a segment has at least one frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2, failure_pb2
from beatstitch.v1.edl_pb2 import Cut
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.timebase import frame_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import Beat
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.timeline_pb2 import TimelineSettings

BEATS_NEEDED = 1


class Trim(NamedTuple):
    """The part of the song that is heard; microseconds from its first sample."""

    start_us: int
    end_us: int

    @property
    def duration_us(self) -> int:
        """Its length."""
        return self.end_us - self.start_us


class Span(NamedTuple):
    """The frames of one segment, and the beat it begins on."""

    begin: int
    end: int
    cut: Cut

    @property
    def frames(self) -> int:
        """Its length."""
        return self.end - self.begin


def plan_spans(beats: Sequence[Beat], trim: Trim, settings: TimelineSettings) -> list[Span]:
    """The segments' frames, from 0 to the trim's end without a gap.

    Args:
        beats: Of the whole song, strictly increasing.
        trim: What of the song is heard.
        settings: With all fields given.

    Raises:
        BeatStitchError: TOO_FEW_BEATS where no beat lies inside the trim; FIELD_INVALID where the
            trim is shorter than a frame.
    """
    rate = settings.output.frame_rate
    end = frame_at(trim.duration_us, rate)
    if end < 1:
        raise field_error("settings.audio_end_us", "less than one frame is left of the song")
    inside = [i for i, beat in enumerate(beats) if trim.start_us <= beat.time_us < trim.end_us]
    if len(inside) < BEATS_NEEDED:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_TOO_FEW_BEATS,
            "the song has no beat to cut on in the part that is used",
            metadata={"beats": str(len(inside)), "needed": str(BEATS_NEEDED)},
        )
    starts = [(0, Cut(beat_index=-1, rule=edl_pb2.CUT_RULE_START))]
    for i in inside[:: settings.beats_per_cut]:
        frame = _frame_of(beats[i], trim, rate)
        cut = Cut(beat_index=i, beat_time_us=beats[i].time_us, rule=edl_pb2.CUT_RULE_EVERY_N_BEATS)
        if i == inside[0]:
            # Its segment holds the lead-in too, and begins with it.
            if frame == 0:
                starts = [(0, cut)]
        elif starts[-1][0] < frame < end:
            starts.append((frame, cut))
    ends = [frame for frame, _ in starts[1:]] + [end]
    return [Span(begin, out, cut) for (begin, cut), out in zip(starts, ends, strict=True)]


def _frame_of(beat: Beat, trim: Trim, rate: Rational) -> int:
    return frame_at(beat.time_us - trim.start_us, rate)
