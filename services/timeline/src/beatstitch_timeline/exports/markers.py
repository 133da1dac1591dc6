"""Markers: the beats, bars and sections of the song, on the frames of the video."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_core.bars import bars_of
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.exports.names import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Edl


class MarkerKind(Enum):
    """What a marker marks."""

    BEAT = "beat"
    BAR = "bar"
    SECTION = "section"


class Marker(NamedTuple):
    """A marker.

    Attributes:
        kind: What it marks; a beat that begins a bar is marked as a bar only.
        frame: Where on the timeline.
        frames: How long it is; 1 for a beat or bar.
        name: "12.3" for the third beat of bar 12, "Bar 12", "Section B: chorus".
    """

    kind: MarkerKind
    frame: int
    frames: int
    name: str


def markers_of(edl: Edl, grid: BeatGrid) -> list[Marker]:
    """The markers inside the video, in order of frame; sections before bars before beats.

    Bars count from 1; beats before the first bar are in bar 0.
    """
    found = [*_sections(edl, grid), *_beats(edl, grid)]
    rank = [MarkerKind.SECTION, MarkerKind.BAR, MarkerKind.BEAT]
    return sorted(found, key=lambda marker: (marker.frame, rank.index(marker.kind)))


def bar_starts(grid: BeatGrid) -> list[int]:
    """Indices of the beats that begin a bar."""
    bars = grid.bars or bars_of(grid.beats, grid.duration_us)
    return [bar.first_beat_index for bar in bars]


def _end_frame(edl: Edl) -> int:
    return edl.segments[-1].timeline_out_frame if edl.segments else 0


def _beats(edl: Edl, grid: BeatGrid) -> Iterator[Marker]:
    starts, end = bar_starts(grid), _end_frame(edl)
    for index, beat in enumerate(grid.beats):
        frame = frame_at(beat.time_us - edl.audio.offset_us, edl.output.frame_rate)
        if not 0 <= frame < end:
            continue
        bar = bisect_right(starts, index)
        first = starts[bar - 1] if bar else 0
        if bar and first == index:
            yield Marker(MarkerKind.BAR, frame, 1, f"Bar {bar}")
        else:
            yield Marker(MarkerKind.BEAT, frame, 1, f"{bar}.{index - first + 1}")


def _sections(edl: Edl, grid: BeatGrid) -> Iterator[Marker]:
    rate, offset, end = edl.output.frame_rate, edl.audio.offset_us, _end_frame(edl)
    for section in grid.sections:
        begin = max(0, frame_at(section.start_us - offset, rate))
        past = min(end, frame_at(section.end_us - offset, rate))
        if begin < past:
            label, name = clean(section.label), clean(section.name)
            text = f"Section {label}: {name}" if name and label else f"Section {label or name}"
            yield Marker(MarkerKind.SECTION, begin, past - begin, text.strip())
