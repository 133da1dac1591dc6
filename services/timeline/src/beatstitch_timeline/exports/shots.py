"""An EDL as editing programs think: shots on a track, each of one stretch of one file.

An EDL's segment may loop or hold; a shot never does. So a clip that begins again becomes a shot for
each time, one that holds its last frame a shot that runs and a frozen one. All times are whole
frames of the timeline's rate, for sources too; a shot never asks for more than its file has.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.timebase import US_PER_S, frame_at

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Edl, Segment, Speed
    from beatstitch_timeline.exports.clock import Clock
    from beatstitch_timeline.exports.files import File, Files

MOST_TURNS = 64
"""A clip that begins again more often in one segment is frozen: nobody edits that."""
ENDLESS = 1 << 30


class Kind(Enum):
    """What a shot is."""

    STILL = "still"
    CLIP = "clip"
    FREEZE = "freeze"


class Shot(NamedTuple):
    """A stretch of one file on the track.

    Attributes:
        kind: A still picture, a running clip, or a clip's single frame.
        begin: First frame on the timeline.
        end: One past the last.
        file: What it shows.
        start: First frame of the file, counted in the timeline's rate; 0 for a still.
        speed: How fast a clip runs, on average; 1 is normal, 0 for a freeze.
        ramp: The segment's speed where it isn't constant, and the shot is all of the segment.
        segment: What it comes from.
        turn: 0 for the segment's first shot, then 1, 2….
    """

    kind: Kind
    begin: int
    end: int
    file: File
    start: int
    speed: Fraction
    ramp: Speed | None
    segment: Segment
    turn: int

    @property
    def frames(self) -> int:
        """Its length on the timeline."""
        return self.end - self.begin

    @property
    def used(self) -> int:
        """How many frames of the file it shows, rounded up; at least 1 for a freeze."""
        used = self.frames * self.speed
        return max(1, -(-used.numerator // used.denominator))

    @property
    def head(self) -> int:
        """So many frames more it could show before its beginning."""
        return ENDLESS if self.kind != Kind.CLIP else int(self.start / self.speed)

    @property
    def tail(self) -> int:
        """So many frames more it could show after its end."""
        if self.kind != Kind.CLIP:
            return ENDLESS
        return max(0, int((self.file.length - self.start) / self.speed) - self.frames)


def shots_of(edl: Edl, files: Files, clock: Clock) -> list[Shot]:
    """The shots of an EDL, in order, without gap or overlap."""
    shots: list[Shot] = []
    for segment in edl.segments:
        file = files.of(segment)
        if segment.media_type != common_pb2.MEDIA_TYPE_VIDEO:
            begin, end = segment.timeline_in_frame, segment.timeline_out_frame
            shots.append(Shot(Kind.STILL, begin, end, file, 0, Fraction(1), None, segment, 0))
        else:
            shots += _Turns(segment, file, edl, clock).shots()
    return shots


class _Turns:
    """The shots of one clip's segment."""

    def __init__(self, segment: Segment, file: File, edl: Edl, clock: Clock) -> None:
        self._segment, self._file, self._clock = segment, file, clock
        self._rate = edl.output.frame_rate
        self._frames = segment.timeline_out_frame - segment.timeline_in_frame
        whole_us = source_offset_us(segment.speed, self._frames, self._rate)
        points = segment.speed.points
        self._constant = len({point.rate for point in points}) <= 1
        if self._constant:
            self._speed = Fraction(points[0].rate if points else 65_536, 65_536)
        else:
            self._speed = Fraction(whole_us, US_PER_S) * clock.rate / self._frames
        self._span_us = segment.source_out_us - segment.source_in_us
        self._holds = segment.fill == edl_pb2.FILL_POLICY_HOLD

    def shots(self) -> list[Shot]:
        """In order; together as long as the segment."""
        shots: list[Shot] = []
        at = turn = 0
        while at < self._frames:
            if turn >= (1 if self._holds else MOST_TURNS):
                shots.append(self._frozen(at, shots))
                break
            start_us = max(0, self._us(at) - turn * self._span_us)
            start = self._start(self._segment.source_in_us + start_us, self._frames - at)
            length = self._length(at, start, turn)
            if length > 0:
                shots.append(self._shot(Kind.CLIP, at, at + length, start, len(shots)))
            at, turn = at + length, turn + 1
        return shots

    def _start(self, source_us: int, frames_left: int) -> int:
        """The frame nearest to a source time; a frame before that where the end would be missed."""
        needed = frames_left * self._speed
        most = self._file.frames - -(-needed.numerator // needed.denominator)
        start = frame_at(source_us, self._rate)
        # Half a frame too late would be a frame past the end; of a clip too short all is shown.
        near_end = most < start <= most + 1
        return max(0, min(most if near_end else start, self._file.frames - 1))

    def _length(self, at: int, start: int, turn: int) -> int:
        """How many frames can be shown from `at` before the clip ends or begins again."""
        there = int((self._file.length - start) / self._speed)
        left = self._frames - at
        limit_us = (turn + 1) * self._span_us
        low, high = 0, left
        while low < high:  # the first frame that lies past the turn's end
            middle = (low + high) // 2
            if self._us(at + middle) >= limit_us:
                high = middle
            else:
                low = middle + 1
        return min(low, there)

    def _us(self, frame: int) -> int:
        return source_offset_us(self._segment.speed, frame, self._rate)

    def _frozen(self, at: int, before: list[Shot]) -> Shot:
        if before and self._holds:
            last = before[-1]
            start = min(self._file.frames - 1, last.start + last.used - 1)
        else:
            start = self._start(self._segment.source_in_us, 1)
        return self._shot(Kind.FREEZE, at, self._frames, max(0, start), len(before))

    def _shot(self, kind: Kind, at: int, end: int, start: int, turn: int) -> Shot:
        segment, first = self._segment, self._segment.timeline_in_frame
        speed = Fraction(0) if kind == Kind.FREEZE else self._speed
        whole = kind == Kind.CLIP and end - at == self._frames
        ramp = segment.speed if whole and not self._constant else None
        return Shot(kind, first + at, first + end, self._file, start, speed, ramp, segment, turn)
