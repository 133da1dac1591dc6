"""Final Cut Pro 7 XML (xmeml 5), which Premiere Pro and DaVinci Resolve read.

Counts in whole frames of a timebase. A clip beside a transition has -1 for the edge that lies under
it, and its in and out include what the transition shows. A clip that runs at another speed counts
in and out at that speed. Format: Apple, "Final Cut Pro XML Interchange Format".
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import rate_fraction
from beatstitch_timeline.exports.clock import Clock
from beatstitch_timeline.exports.markers import MarkerKind
from beatstitch_timeline.exports.project import (
    note_dissolves,
    note_looks,
    note_ramps,
    note_song,
)
from beatstitch_timeline.exports.shots import Kind
from beatstitch_timeline.exports.xml_text import add, document, element

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from beatstitch.v1.edl_pb2 import Direction
    from beatstitch_timeline.exports.files import File
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.markers import Marker
    from beatstitch_timeline.exports.project import Project
    from beatstitch_timeline.exports.shots import Shot

DIPS = frozenset({edl_pb2.TRANSITION_TYPE_FADE_BLACK, edl_pb2.TRANSITION_TYPE_FADE_WHITE})
KNOWN = DIPS | {edl_pb2.TRANSITION_TYPE_CROSSFADE, edl_pb2.TRANSITION_TYPE_WIPE}
_COLOURS = {MarkerKind.SECTION: (155, 89, 182), MarkerKind.BAR: (231, 76, 60)}


def write_fcp7(project: Project) -> bytes:
    """The project as xmeml 5, UTF-8.

    Raises:
        BeatStitchError: FIELD_INVALID for a frame rate that has no timebase.
    """
    project.clock.check_timebase("Final Cut Pro 7 XML")
    note_looks(project)
    note_ramps(project)
    note_song(project)
    note_dissolves(project, KNOWN)
    return document(_Writer(project).root(), "xmeml")


class _Writer:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._named: set[str] = set()
        self._stills: dict[str, int] = {}
        self._joins = [_aligned(join) for join in project.joins]
        changed = sum(
            one is not None and other is not None and one.frames != other.frames
            for one, other in zip(project.joins, self._joins, strict=True)
        )
        project.notes.add("{} transitions are a frame or more shorter, to be centred", changed)
        for shot, (join, after) in zip(project.shots, self._sides(), strict=True):
            if shot.kind != Kind.CLIP:
                length = shot.frames + _before(join) + _after(after)
                longest = max(self._stills.get(shot.file.id, 0), length)
                self._stills[shot.file.id] = longest

    def _sides(self) -> pairwise[tuple[Join | None, Join | None]]:
        return pairwise([*self._joins, None])

    def root(self) -> Element:
        project, root = self._project, element("xmeml", version="5")
        sequence = add(root, "sequence", id="sequence-1")
        add(sequence, "name", project.title)
        add(sequence, "duration", project.frames)
        _rate(sequence, project.clock)
        timecode = add(sequence, "timecode")
        _rate(timecode, project.clock)
        add(timecode, "string", "00:00:00:00")
        add(timecode, "frame", 0)
        add(timecode, "displayformat", "NDF")
        media = add(sequence, "media")
        video = add(media, "video")
        self._size(add(video, "format"))
        self._pictures(add(video, "track"))
        self._song(add(add(media, "audio"), "track"))
        for marker in project.markers:
            _marker(sequence, marker)
        return root

    def _pictures(self, track: Element) -> None:
        for number, (shot, (join, after)) in enumerate(
            zip(self._project.shots, self._sides(), strict=True)
        ):
            if join is not None:
                self._transition(track, shot, join)
            self._clip(track, number + 1, shot, join, after)

    def _clip(
        self, track: Element, number: int, shot: Shot, join: Join | None, after: Join | None
    ) -> None:
        item = add(track, "clipitem", id=f"clipitem-{number}")
        start, length = 0, self._stills.get(shot.file.id, 0)
        if shot.kind == Kind.CLIP:
            start = int(shot.start / shot.speed) - _before(join)
            length = int(shot.file.length / shot.speed)
        add(item, "name", shot.file.name)
        add(item, "enabled", "TRUE")
        add(item, "duration", length)
        _rate(item, self._project.clock)
        add(item, "start", shot.begin if join is None else -1)
        add(item, "end", shot.end if after is None else -1)
        add(item, "in", start)
        add(item, "out", start + _before(join) + shot.frames + _after(after))
        if shot.kind != Kind.CLIP:
            add(item, "stillframe", "TRUE")
        if shot.kind == Kind.FREEZE:
            add(item, "stillframeoffset", shot.start)
        self._file(item, shot.file)
        if shot.kind == Kind.CLIP and shot.speed != 1:
            _speed(item, float(shot.speed * 100))

    def _file(self, item: Element, file: File) -> None:
        """What a clip shows; said in full the first time."""
        node = add(item, "file", id=file.id)
        if file.id in self._named:
            return
        self._named.add(file.id)
        info, clock = file.media.info, self._project.clock
        own = rate_fraction(info.frame_rate) if info.frame_rate.num > 0 else clock.rate
        # A rate without a timebase is counted at the sequence's.
        if file.frames and (own == Clock(own).timebase or Clock(own).is_ntsc):
            clock = Clock(own)
        add(node, "name", file.name)
        add(node, "pathurl", file.url)
        _rate(node, clock)
        length = self._stills.get(file.id, 1)
        if file.frames:
            known = clock.frames_in(info.duration_us) if info.duration_us else file.frames
            length = max(1, known)
        add(node, "duration", length)
        size = add(add(add(node, "media"), "video"), "samplecharacteristics")
        if info.width and info.height:
            add(size, "width", info.width)
            add(size, "height", info.height)

    def _song(self, track: Element) -> None:
        project, song = self._project, self._project.files.song
        item = add(track, "clipitem", id="clipitem-song")
        add(item, "name", song.name)
        add(item, "enabled", "TRUE")
        add(item, "duration", max(song.frames, project.song_start + project.song_frames))
        _rate(item, project.clock)
        add(item, "start", 0)
        add(item, "end", project.song_frames)
        add(item, "in", project.song_start)
        add(item, "out", project.song_start + project.song_frames)
        node = add(item, "file", id=song.id)
        add(node, "name", song.name)
        add(node, "pathurl", song.url)
        _rate(node, project.clock)
        add(node, "duration", max(song.frames, project.song_start + project.song_frames))
        sound = add(add(node, "media"), "audio")
        add(sound, "channelcount", song.media.info.channels or 2)
        source = add(item, "sourcetrack")
        add(source, "mediatype", "audio")
        add(source, "trackindex", 1)

    def _transition(self, track: Element, shot: Shot, join: Join) -> None:
        item = add(track, "transitionitem")
        add(item, "start", shot.begin - join.before)
        add(item, "end", shot.begin + join.after)
        alignment = "center" if join.before and join.after else "start" if join.after else "end"
        add(item, "alignment", alignment)
        _rate(item, self._project.clock)
        effect = add(item, "effect")
        wipe, dip = join.type == edl_pb2.TRANSITION_TYPE_WIPE, join.type in DIPS
        name = "Edge Wipe" if wipe else "Dip to Color Dissolve" if dip else "Cross Dissolve"
        add(effect, "name", name)
        add(effect, "effectid", name)
        add(effect, "effecttype", "transition")
        add(effect, "mediatype", "video")
        add(effect, "effectcategory", "Wipe" if wipe else "Dissolve")
        if wipe:
            _wipe(effect, join.direction)
        if dip:
            _dip(effect, 255 if join.type == edl_pb2.TRANSITION_TYPE_FADE_WHITE else 0)

    def _size(self, parent: Element) -> None:
        output, size = self._project.edl.output, add(parent, "samplecharacteristics")
        _rate(size, self._project.clock)
        add(size, "width", output.width)
        add(size, "height", output.height)
        add(size, "pixelaspectratio", "square")
        add(size, "fielddominance", "none")


def _aligned(join: Join | None) -> Join | None:
    """The format aligns at the end, at the start, or exactly in the middle."""
    if join is None or not (join.before and join.after):
        return join
    half = min(join.before, join.after)
    return join._replace(before=half, after=half)


def _before(join: Join | None) -> int:
    return join.before if join else 0


def _after(join: Join | None) -> int:
    return join.after if join else 0


def _rate(parent: Element, clock: Clock) -> None:
    rate = add(parent, "rate")
    add(rate, "timebase", clock.timebase)
    add(rate, "ntsc", "TRUE" if clock.is_ntsc else "FALSE")


def _marker(parent: Element, marker: Marker) -> None:
    node = add(parent, "marker")
    add(node, "name", marker.name)
    add(node, "comment", marker.kind.value)
    add(node, "in", marker.frame)
    ranged = marker.kind == MarkerKind.SECTION
    add(node, "out", marker.frame + marker.frames if ranged else -1)
    if marker.kind in _COLOURS:
        colour = add(node, "color")
        for name, value in zip(("red", "green", "blue"), _COLOURS[marker.kind], strict=True):
            add(colour, name, value)


def _parameter(effect: Element, name: str, value: str | None) -> Element:
    parameter = add(effect, "parameter")
    add(parameter, "parameterid", name)
    add(parameter, "name", name)
    if value is not None:
        add(parameter, "value", value)
    return parameter


def _speed(item: Element, percent: float) -> None:
    effect = add(add(item, "filter"), "effect")
    add(effect, "name", "Time Remap")
    add(effect, "effectid", "timeremap")
    add(effect, "effecttype", "motion")
    add(effect, "mediatype", "video")
    add(effect, "effectcategory", "motion")
    _parameter(effect, "variablespeed", "0")
    _parameter(effect, "speed", f"{percent:.6f}".rstrip("0").rstrip("."))
    _parameter(effect, "reverse", "FALSE")
    _parameter(effect, "frameblending", "FALSE")


def _wipe(effect: Element, direction: Direction.ValueType) -> None:
    """SMPTE wipe 1 moves from left to right, 2 from top to bottom."""
    upright = direction in {edl_pb2.DIRECTION_UP, edl_pb2.DIRECTION_DOWN}
    back = direction in {edl_pb2.DIRECTION_LEFT, edl_pb2.DIRECTION_UP}
    add(effect, "wipecode", 2 if upright else 1)
    add(effect, "wipeaccuracy", 100)
    add(effect, "startratio", 0)
    add(effect, "endratio", 1)
    add(effect, "reverse", "TRUE" if back else "FALSE")


def _dip(effect: Element, level: int) -> None:
    value = add(_parameter(effect, "dipcolor", None), "value")
    for name in ("alpha", "red", "green", "blue"):
        add(value, name, 255 if name == "alpha" else level)
