"""CMX 3600: a list of events, one line each, in timecode.

An event with a dissolve or wipe begins where the transition does: the first of its two lines ends
the old clip there, the second brings the new one from there on. Timecode is non-drop-frame at every
rate, as the list's head says: at 29.97 it counts frames and not seconds, so it is exact. Names are
on comment lines; reels have eight letters.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.errors import field_error
from beatstitch_core.timebase import round_half_up
from beatstitch_timeline.exports.clock import MOST_TIMECODE_FPS
from beatstitch_timeline.exports.markers import MarkerKind
from beatstitch_timeline.exports.project import (
    note_dissolves,
    note_looks,
    note_ramps,
    note_song,
)
from beatstitch_timeline.exports.shots import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch_timeline.exports.files import File
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.project import Project
    from beatstitch_timeline.exports.shots import Shot

MOST_EVENTS = 999
MAX_TITLE = 70
KNOWN = frozenset({edl_pb2.TRANSITION_TYPE_CROSSFADE, edl_pb2.TRANSITION_TYPE_WIPE})
_COLOURS = {MarkerKind.BEAT: "GREEN", MarkerKind.BAR: "RED", MarkerKind.SECTION: "PURPLE"}
# SMPTE wipes: 1 from left to right, 2 from top to bottom; 100 more for the other way.
_WIPES = {
    edl_pb2.DIRECTION_RIGHT: "W001",
    edl_pb2.DIRECTION_DOWN: "W002",
    edl_pb2.DIRECTION_LEFT: "W101",
    edl_pb2.DIRECTION_UP: "W102",
}


def write_cmx3600(project: Project) -> bytes:
    """The project as an edit decision list, UTF-8; only comments may be other than ASCII.

    Raises:
        BeatStitchError: FIELD_INVALID for a frame rate that timecode can't count.
    """
    project.clock.check_timebase("CMX 3600")
    if project.clock.timebase > MOST_TIMECODE_FPS:
        raise field_error("format", "timecode counts at most 99 frames per second; use OTIO")
    note_looks(project)
    note_ramps(project)
    note_song(project)
    note_dissolves(project, KNOWN)
    events = len(project.shots) + 1
    if events > MOST_EVENTS:
        project.notes.add(f"the list has {events} events; some programs read {MOST_EVENTS} only")
    if project.clock.is_ntsc:
        project.notes.add("timecode is non-drop-frame: set the project's timecode to that")
    lines = [f"TITLE: {project.title[:MAX_TITLE]}", "FCM: NON-DROP FRAME", ""]
    return "\n".join([*lines, *_Writer(project).lines()]).encode()


class _Writer:
    def __init__(self, project: Project) -> None:
        self._project, self._clock = project, project.clock
        self._marker = 0

    def lines(self) -> Iterator[str]:
        yield from self._song()
        old: Shot | None = None
        for number, (shot, (join, after)) in enumerate(
            zip(self._project.shots, pairwise([*self._project.joins, None]), strict=True), start=2
        ):
            yield from self._event(number, shot, old, join, after)
            old = shot

    def _event(
        self, number: int, shot: Shot, old: Shot | None, join: Join | None, after: Join | None
    ) -> Iterator[str]:
        before = join.before if join else 0
        begin, end = shot.begin - before, shot.end - (after.before if after else 0)
        start, out = _source(shot, before, end - begin)
        if join is not None and old is not None:
            wiped = join.type == edl_pb2.TRANSITION_TYPE_WIPE
            kind = f"{_WIPES[join.direction] if wiped else 'D'} {join.frames:03}"
            last = _source(old, 0, old.frames - before)[1]
            yield self._line(number, old.file, "V    C", (last, last), (begin, begin))
            yield self._line(number, shot.file, f"V    {kind}", (start, out), (begin, end))
            yield f"* FROM CLIP NAME: {old.file.name}"
            yield f"* TO CLIP NAME: {shot.file.name}"
        else:
            yield self._line(number, shot.file, "V    C", (start, out), (begin, end))
            yield f"* FROM CLIP NAME: {shot.file.name}"
        yield f"* FROM FILE: {shot.file.url}"
        if shot.kind != Kind.STILL and shot.speed != 1:
            rate = float(shot.speed * self._clock.rate)
            code = self._clock.timecode(start)
            yield f"M2   {shot.file.reel:<8} {rate:07.3f}                {code}"
        if shot.kind == Kind.FREEZE:
            yield "* FREEZE FRAME"
        yield from self._locators(end)
        yield ""

    def _song(self) -> Iterator[str]:
        project = self._project
        song, start, frames = project.files.song, project.song_start, project.song_frames
        yield self._line(1, song, "AA   C", (start, start + frames), (0, frames))
        yield f"* FROM CLIP NAME: {song.name}"
        yield f"* FROM FILE: {song.url}"
        rate = self._clock.rate
        yield f"* {rate.numerator}/{rate.denominator} FRAMES PER SECOND, NON-DROP FRAME"
        yield ""

    def _locators(self, end: int) -> Iterator[str]:
        """The markers up to the end of an event."""
        markers = self._project.markers
        while self._marker < len(markers) and markers[self._marker].frame < end:
            marker = markers[self._marker]
            colour = _COLOURS[marker.kind]
            yield f"* LOC: {self._clock.timecode(marker.frame)} {colour:<7} {marker.name}"
            self._marker += 1

    def _line(
        self,
        number: int,
        file: File,
        what: str,
        source: tuple[int, int],
        record: tuple[int, int],
    ) -> str:
        codes = " ".join(self._clock.timecode(frame) for frame in (*source, *record))
        return f"{number:03}  {file.reel:<8} {what:<13} {codes}"


def _source(shot: Shot, before: int, frames: int) -> tuple[int, int]:
    """In and out of a shot that comes in `before` frames early and is `frames` long."""
    if shot.kind == Kind.FREEZE:
        return shot.start, shot.start + 1
    if shot.kind == Kind.STILL:
        return 0, frames
    start = shot.start - round_half_up(before * shot.speed)
    used = max(1, round_half_up(Fraction(frames) * shot.speed))
    return max(0, start), min(max(0, start) + used, shot.file.frames)
