"""What is heard when: the song's fades, and the clips' own sound under or over it, in samples.

A clip is heard exactly while its segment lasts: from round(in frame's time × 48 000) to round(out
frame's time × 48 000). Its transitions don't move that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.speed import NORMAL, source_offset_us
from beatstitch_core.timebase import rate_fraction, round_half_up, samples_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, Segment, SpeedPoint

RATE = 48_000
# Grows with every change of what a mix sounds like.
MIX_VERSION = 2
# What the interpolation of a clip at ten times its speed looks at around a sample.
MARGIN = 512
_TOLERANCE_US = 1_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip's sound in one segment. Samples are at 48 kHz.

    Attributes:
        media_sha256: The clip.
        start: The video's sample at which it begins.
        end: One past its last.
        source_start: The clip's sample that is heard at `start`.
        source_end: Where in the clip it ends at the latest.
        gain: In 1/65536.
        loops: Whether the clip begins again after `source_end`; else it is silent.
        speed: Points of the speed; empty for normal.
        comes_on: Whether it goes on from where the segment before ended.
        goes_on: Whether the segment after goes on from where it ends.
    """

    media_sha256: str
    start: int
    end: int
    source_start: int
    source_end: int
    gain: int
    loops: bool
    speed: tuple[tuple[int, int], ...]
    comes_on: bool = False
    goes_on: bool = False


def heard(edl: Edl) -> list[Heard]:
    """The clips' sounds of an EDL, in order."""
    rate = edl.output.frame_rate
    found = []
    for before, segment, after in _neighbours(edl.segments):
        if not is_heard(segment):
            continue
        found.append(
            Heard(
                media_sha256=segment.media_sha256,
                start=sample_of(segment.timeline_in_frame, rate),
                end=sample_of(segment.timeline_out_frame, rate),
                source_start=samples_at(segment.source_in_us, RATE),
                source_end=samples_at(segment.source_out_us, RATE),
                gain=segment.sound.gain,
                loops=segment.fill != edl_pb2.FILL_POLICY_HOLD,
                speed=_points(segment.speed.points),
                comes_on=before is not None and _goes_on(before, segment, rate),
                goes_on=after is not None and _goes_on(segment, after, rate),
            )
        )
    return found


def is_heard(segment: Segment) -> bool:
    """Whether the EDL asks for the segment's own sound."""
    return segment.media_type == common_pb2.MEDIA_TYPE_VIDEO and segment.sound.gain > 0


def sample_of(frame: int, rate: Rational) -> int:
    """The sample at which a frame begins."""
    return round_half_up(Fraction(frame * RATE) / rate_fraction(rate))


def sound_facts(edl: Edl) -> dict[str, object]:
    """What decides the sound besides song, offset, length and encoder; nothing for a plain song."""
    facts: dict[str, object] = {}
    if edl.audio.fade_in_us or edl.audio.fade_out_us:
        facts["fades_us"] = [str(edl.audio.fade_in_us), str(edl.audio.fade_out_us)]
    clips = heard(edl)
    if clips:
        facts["ducked"] = edl.audio.ducked
        # The speed counts in frames.
        facts["frame_rate"] = str(rate_fraction(edl.output.frame_rate))
        facts["clips"] = [
            [
                clip.media_sha256,
                clip.start,
                clip.end,
                clip.source_start,
                clip.source_end,
                clip.gain,
                clip.loops,
                [list(point) for point in clip.speed],
                clip.comes_on,
                clip.goes_on,
            ]
            for clip in clips
        ]
    return facts


def needed(clips: Iterable[Heard], media_sha256: str) -> list[tuple[int, int]]:
    """The parts of one clip that are heard, in its samples, merged, with a margin."""
    wanted = sorted(
        (max(0, clip.source_start - MARGIN), clip.source_end + MARGIN)
        for clip in clips
        if clip.media_sha256 == media_sha256
    )
    merged: list[tuple[int, int]] = []
    for start, end in wanted:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _points(points: Sequence[SpeedPoint]) -> tuple[tuple[int, int], ...]:
    if all(point.rate == NORMAL for point in points):
        return ()
    return tuple((point.frame, point.rate) for point in points)


def _neighbours(
    segments: Sequence[Segment],
) -> Iterable[tuple[Segment | None, Segment, Segment | None]]:
    for index, segment in enumerate(segments):
        before = segments[index - 1] if index else None
        after = segments[index + 1] if index + 1 < len(segments) else None
        yield before, segment, after


def _goes_on(first: Segment, second: Segment, rate: Rational) -> bool:
    """Whether the second's sound follows the first's without a seam: a cut inside one shot."""
    if first.media_sha256 != second.media_sha256 or first.sound.gain != second.sound.gain:
        return False
    frames = first.timeline_out_frame - first.timeline_in_frame
    ends = first.source_in_us + source_offset_us(first.speed, frames, rate)
    inside = ends <= first.source_out_us + _TOLERANCE_US
    steady = _points(first.speed.points) == _points(second.speed.points) == ()
    return inside and steady and abs(ends - second.source_in_us) <= _TOLERANCE_US // 10
