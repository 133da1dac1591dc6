"""A standard MIDI file of format 0 with a song's tempo map: each beat lies on a quarter note.

A tempo is a whole number of microseconds per quarter note, and so is the distance of two beats:
each beat sets the tempo up to the next one, and no error adds up. A distance too long for one
quarter note is divided over several. What comes before the first beat is a number of quarter notes
about as long as the first ones. Format: "Standard MIDI Files 1.0", MIDI Manufacturers Association.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from beatstitch_timeline.exports.markers import bar_starts
from beatstitch_timeline.exports.names import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.v1.beat_grid_pb2 import BeatGrid

TICKS = 480
SLOWEST_US = (1 << 24) - 1
DEFAULT_US = 500_000
NEAREST_US = 1_000
"""A first beat that comes sooner than this is put on the file's beginning."""
MOST_BEATS = 255
TEXT, NAME, MARKER, END, TEMPO, METRE = 0x01, 0x03, 0x06, 0x2F, 0x51, 0x58


class _Event(NamedTuple):
    tick: int
    rank: int
    kind: int
    data: bytes


class _Run(NamedTuple):
    """Neighbouring quarter notes of one tempo."""

    begin: int
    quarters: int
    us: int


def write_midi(grid: BeatGrid, title: str) -> bytes:
    """The grid as a MIDI file; see the module's text."""
    song = _Song(grid)
    events = sorted(song.events(title), key=lambda event: (event.tick, event.rank))
    track = bytearray()
    last = 0
    for event in events:
        track += _length(event.tick - last) + bytes((0xFF, event.kind))
        track += _length(len(event.data)) + event.data
        last = event.tick
    head = b"MThd" + (6).to_bytes(4) + (0).to_bytes(2) + (1).to_bytes(2) + TICKS.to_bytes(2)
    return head + b"MTrk" + len(track).to_bytes(4) + bytes(track)


class _Song:
    """A grid's quarter notes."""

    def __init__(self, grid: BeatGrid) -> None:
        self._grid = grid
        times = [beat.time_us for beat in grid.beats]
        self._quarters: list[_Run] = []
        self._beats: list[int] = []
        """For each beat the number of its quarter note."""
        self._count = 0
        if not times:
            self._fill(grid.duration_us, DEFAULT_US)
            return
        steps = [other - one for one, other in pairwise(times)]
        first = 0 if times[0] < NEAREST_US else times[0]
        self._fill(first, steps[0] if steps else DEFAULT_US)
        self._beats.append(self._count)
        before = first
        for time in times[1:]:
            self._fill(time - before, SLOWEST_US)
            self._beats.append(self._count)
            before = time
        usual = steps[-1] if steps else DEFAULT_US
        self._fill(max(0, grid.duration_us - before), min(usual, SLOWEST_US))

    def events(self, title: str) -> Iterator[_Event]:
        yield _Event(0, 0, NAME, _text(title or "Tempo map"))
        for quarter in self._quarters:
            yield _Event(quarter.begin * TICKS, 1, TEMPO, quarter.us.to_bytes(3))
        for at, beats in self._metres():
            yield _Event(at * TICKS, 2, METRE, bytes((beats, 2, 24, 8)))
        for section in self._grid.sections:
            name = clean(section.name) or clean(section.label, "section")
            yield _Event(self._tick(section.start_us), 3, MARKER, _text(name))
        yield _Event(max(self._count, 1) * TICKS, 9, END, b"")

    def _fill(self, length_us: int, near_us: int) -> None:
        """Quarter notes that are `length_us` long together, each about `near_us` or less."""
        if length_us <= 0:
            return
        count = max(1, -(-length_us // SLOWEST_US), (length_us + near_us // 2) // near_us)
        short, longer = divmod(length_us, count)
        for us, many in ((short + 1, longer), (short, count - longer)):
            if many:
                self._quarters.append(_Run(self._count, many, us))
                self._count += many

    def _metres(self) -> Iterator[tuple[int, int]]:
        """Where a bar of another length begins, in quarter notes; what comes before is one bar."""
        starts = [self._beats[index] for index in bar_starts(self._grid)]
        usual = self._grid.beats_per_bar or 4
        edges = [*starts, starts[-1] + usual] if starts else [self._count]
        if edges[0] > 0:
            edges.insert(0, 0)
        last = 0
        for begin, end in pairwise(edges):
            beats = min(end - begin, MOST_BEATS)
            if beats != last:
                yield begin, beats
            last = beats

    def _tick(self, time_us: int) -> int:
        """The tick nearest to a time."""
        at = 0
        for quarter in self._quarters:
            length = quarter.quarters * quarter.us
            if time_us < at + length:
                part = max(0, time_us - at) * TICKS
                return quarter.begin * TICKS + (2 * part + quarter.us) // (2 * quarter.us)
            at += length
        return self._count * TICKS


def _length(value: int) -> bytes:
    """A number as MIDI files have them: seven bits a byte, all but the last marked."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def _text(text: str) -> bytes:
    return clean(text).encode()
