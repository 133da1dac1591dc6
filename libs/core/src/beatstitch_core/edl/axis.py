"""Invariants of the cut axis: which frames, which beats, which milliseconds.

The axis is absolute: each inner cut is frame_at(beat time − audio offset), never a sum of rounded
durations. A transition lies around its cut, inside the two segments; it doesn't move the axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import frame_at, frame_time_ms

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, Segment
    from beatstitch_core.edl.findings import Findings

_ON_BEATS = frozenset(edl_pb2.CutRule.values()) - {
    edl_pb2.CUT_RULE_UNSPECIFIED,
    edl_pb2.CUT_RULE_START,
}
"""Rules that name a beat: all but "never sent" and the start of the video."""


def check_frames(edl: Edl, found: Findings) -> None:
    """Order, first and last frame, gaps and overlaps."""
    end = frame_at(edl.audio.duration_us, edl.output.frame_rate)
    expected_in = 0
    for i, segment in enumerate(edl.segments):
        at = f"segments[{i}]"
        begin, out = segment.timeline_in_frame, segment.timeline_out_frame
        if begin != expected_in:
            if i == 0:
                text = f"the first segment begins at frame 0, not {begin}"
            else:
                kind = "gap" if begin > expected_in else "overlap"
                text = f"{kind}: the segment before ends at frame {expected_in}, this is at {begin}"
            found.add(f"{at}.timeline_in_frame", text)
        if out <= begin:
            found.add(
                f"{at}.timeline_out_frame", f"must be above timeline_in_frame {begin}, not {out}"
            )
        expected_in = out
    if edl.segments and expected_in != end:
        found.add(
            f"segments[{len(edl.segments) - 1}].timeline_out_frame",
            f"the last segment ends with the audio at frame {end}, not {expected_in}",
        )


def check_milliseconds(segment: Segment, rate: Rational, at: str, found: Findings) -> None:
    """The fields for people say what the frames say."""
    begin = frame_time_ms(segment.timeline_in_frame, rate)
    out = frame_time_ms(segment.timeline_out_frame, rate)
    if segment.timeline_in_ms != begin:
        found.expect_equal(segment.timeline_in_ms, begin, f"{at}.timeline_in_ms")
    if segment.timeline_out_ms != out:
        found.expect_equal(segment.timeline_out_ms, out, f"{at}.timeline_out_ms")
    if segment.render_duration_ms != out - begin:
        found.expect_equal(segment.render_duration_ms, out - begin, f"{at}.render_duration_ms")


def check_cuts(edl: Edl, found: Findings) -> None:
    """Each inner cut is a beat's frame; beats only go forward."""
    rate, offset = edl.output.frame_rate, edl.audio.offset_us
    last_beat = -1
    for i, segment in enumerate(edl.segments):
        at, cut = f"segments[{i}].cut", segment.cut
        beat, time_us = cut.beat_index, cut.beat_time_us
        if i == 0 and cut.rule == edl_pb2.CUT_RULE_START:
            found.expect_equal(beat, -1, f"{at}.beat_index")
            found.expect_equal(time_us, 0, f"{at}.beat_time_us")
            continue
        if cut.rule not in _ON_BEATS:
            found.add(
                f"{at}.rule", "must be a rule that names a beat; START only for the first segment"
            )
            continue
        if beat <= last_beat:
            least = f"above the last cut's beat {last_beat}" if last_beat >= 0 else "0 or more"
            found.add(f"{at}.beat_index", f"must be {least}, not {beat}")
        last_beat = max(last_beat, beat)
        frame = frame_at(time_us - offset, rate)
        if frame != segment.timeline_in_frame:
            found.add(
                f"{at}.beat_time_us",
                f"the beat lies on frame {frame}, the segment begins at"
                f" {segment.timeline_in_frame}",
            )
