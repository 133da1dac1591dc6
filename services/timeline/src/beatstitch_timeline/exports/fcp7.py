"""Final Cut Pro 7 XML (xmeml 5), which Premiere Pro and DaVinci Resolve read.

Counts in whole frames of a timebase. A clip beside a transition has -1 for the edge that lies under
it, and its in and out include what the transition shows. A clip that runs at another speed counts
in and out at that speed. Format: Apple, "Final Cut Pro XML Interchange Format".
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch_core.timebase import rate_fraction
from beatstitch_timeline.exports.clock import Clock
from beatstitch_timeline.exports.fcp7_parts import (
    KNOWN,
    marker_node,
    rate,
    speed_filter,
    transition_effect,
)
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

    from beatstitch_timeline.exports.files import File
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.project import Project
    from beatstitch_timeline.exports.shots import Shot


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
        rate(sequence, project.clock)
        timecode = add(sequence, "timecode")
        rate(timecode, project.clock)
        add(timecode, "string", "00:00:00:00")
        add(timecode, "frame", 0)
        add(timecode, "displayformat", "NDF")
        media = add(sequence, "media")
        video = add(media, "video")
        self._size(add(video, "format"))
        self._pictures(add(video, "track"))
        self._song(add(add(media, "audio"), "track"))
        for marker in project.markers:
            marker_node(sequence, marker)
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
        rate(item, self._project.clock)
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
            speed_filter(item, float(shot.speed * 100))

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
        rate(node, clock)
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
        rate(item, project.clock)
        add(item, "start", 0)
        add(item, "end", project.song_frames)
        add(item, "in", project.song_start)
        add(item, "out", project.song_start + project.song_frames)
        node = add(item, "file", id=song.id)
        add(node, "name", song.name)
        add(node, "pathurl", song.url)
        rate(node, project.clock)
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
        rate(item, self._project.clock)
        transition_effect(add(item, "effect"), join.type, join.direction)

    def _size(self, parent: Element) -> None:
        output, size = self._project.edl.output, add(parent, "samplecharacteristics")
        rate(size, self._project.clock)
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
