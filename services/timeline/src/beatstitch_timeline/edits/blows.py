"""Blows in a slot: by rule, or carried along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Accent, Segment
from beatstitch_timeline.accents import accents_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.timeline_rules_pb2 import AccentRule
    from beatstitch_timeline.edits.context import Context


def blows(
    rules: Sequence[AccentRule], context: Context, beat: int, begin: int, end: int
) -> list[Accent]:
    """The accents that rules make in a slot, in order of their frames.

    Args:
        rules: With all fields given.
        context: The song.
        beat: What the slot begins on; -1 for the start of the video.
        begin: Its first frame.
        end: One past its last.
    """
    if not rules:
        return []
    slot = Segment(timeline_in_frame=begin, timeline_out_frame=end)
    slot.cut.rule = edl_pb2.CUT_RULE_START if beat < 0 else edl_pb2.CUT_RULE_GIVEN
    return accents_of(rules, context.beat_frames, slot, context.rate)


def carried(accents: Sequence[Accent], delta: int, frames: int) -> list[Accent]:
    """Accents that stay on their beats in a slot of `frames` frames that begins `delta` earlier."""
    kept = []
    for accent in accents:
        frame = accent.frame + delta
        if 0 <= frame < frames:
            length = min(accent.frames, frames - frame)
            kept.append(Accent(type=accent.type, frame=frame, frames=length, amount=accent.amount))
    return kept
