"""Final Cut Pro XML 1.10.

Times are exact fractions of a second, whole frames of the sequence. A clip that runs at another
speed has a map from its own time to its file's. Format: Apple, "FCPXML Reference", DTD 1.10;
effects by the ids that Final Cut Pro writes itself.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.timebase import US_PER_S, rate_fraction
from beatstitch_timeline.exports.markers import MarkerKind
from beatstitch_timeline.exports.project import note_dissolves, note_looks
from beatstitch_timeline.exports.shots import Kind
from beatstitch_timeline.exports.xml_text import add, document, element

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from beatstitch_timeline.exports.clock import Clock
    from beatstitch_timeline.exports.files import File
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.project import Project
    from beatstitch_timeline.exports.shots import Shot

DISSOLVE = ("Cross Dissolve", "FxPlug:4731E73A-8DAC-4113-9A30-AE85B1761265")
FADE = ("Fade To Color", "FxPlug:F779C565-486D-4633-8035-0374B4DB8F5C")  # black without parameters
KNOWN = frozenset({edl_pb2.TRANSITION_TYPE_CROSSFADE, edl_pb2.TRANSITION_TYPE_FADE_BLACK})
STILL_START_S = 3600
"""Where a still picture's own time begins, so that transitions have room before it."""
RAMP_STEPS = 16
_MOST_DENOMINATOR = (1 << 31) - 1


def write_fcpxml(project: Project) -> bytes:
    """The project as FCPXML, UTF-8."""
    note_looks(project)
    note_dissolves(project, KNOWN)
    off_centre = sum(join is not None and join.before != join.after for join in project.joins)
    project.notes.add("Final Cut Pro may centre {} transitions on their cuts", off_centre)
    return document(_Writer(project).root(), "fcpxml")


def seconds(value: Fraction | int) -> str:
    """A time as the format writes it: "5s" or "1001/30000s"."""
    time = Fraction(value).limit_denominator(_MOST_DENOMINATOR)
    if time.denominator == 1:
        return f"{time.numerator}s"
    return f"{time.numerator}/{time.denominator}s"


class _Writer:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._clock: Clock = project.clock
        self._formats: dict[tuple[str, ...], str] = {}
        self._root = element("fcpxml", version="1.10")
        self._resources = add(self._root, "resources")
        self._effects: dict[tuple[str, str], str] = {}

    def root(self) -> Element:
        project, output = self._project, self._project.edl.output
        form = self._format(
            frameDuration=seconds(1 / self._clock.rate),
            width=str(output.width),
            height=str(output.height),
        )
        for file in project.files:
            self._asset(file)
        self._song_asset()
        event = add(add(self._root, "library"), "event", name=project.title)
        sequence = add(
            add(event, "project", name=project.title),
            "sequence",
            format=form,
            duration=self._time(project.frames),
            tcStart="0s",
            tcFormat="NDF",
            audioLayout="stereo",
            audioRate="48k",
        )
        self._spine(add(sequence, "spine"))
        return self._root

    def _spine(self, spine: Element) -> None:
        project, marker = self._project, 0
        sides = pairwise([*project.joins, None])
        for shot, (join, after) in zip(project.shots, sides, strict=True):
            if join is not None:
                self._transition(spine, shot, join)
            item, start = self._item(
                spine, shot, join.before if join else 0, after.after if after else 0
            )
            if shot.begin == 0:
                self._song(item, start)
            while marker < len(project.markers) and project.markers[marker].frame < shot.end:
                self._marker(item, marker, start - shot.begin)
                marker += 1

    def _item(self, spine: Element, shot: Shot, before: int, after: int) -> tuple[Element, int]:
        """A shot, and where its own time begins, in frames."""
        still = shot.kind == Kind.STILL
        mapped = not still and shot.speed != 1
        points = self._map(shot, before, after) if mapped else []
        start = shot.start
        if still:
            start = int(STILL_START_S * self._clock.rate)
        elif mapped:
            start = before if shot.speed == 0 or shot.ramp else int(shot.start / shot.speed)
        attributes = {
            "ref": shot.file.id,
            "offset": self._time(shot.begin),
            "name": shot.file.name,
            "start": self._time(start),
            "duration": self._time(shot.frames),
        }
        if not still:
            # The song is the only sound; a clip's own stays out.
            attributes["srcEnable"] = "video"
        item = add(spine, "video" if still else "asset-clip", **attributes)
        if points:
            curve = add(item, "timeMap")
            for time, value in points:
                add(curve, "timept", time=seconds(time), value=seconds(value), interp="linear")
        whole = shot.segment.fit in {edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR}
        add(item, "adjust-conform", type="fit" if whole else "fill")
        return item, start

    def _map(self, shot: Shot, before: int, after: int) -> list[tuple[Fraction, Fraction]]:
        """Points of the clip's own time and its file's, in seconds; linear between them."""
        clock, speed = self._clock, shot.speed
        if speed == 0:
            held = clock.seconds(shot.start)
            return [(Fraction(0), held), (clock.seconds(before + shot.frames + after), held)]
        if shot.ramp is None:
            first = shot.start - int(shot.start / speed) * speed
            last = int((shot.file.length - first) / speed)
            ends = ((0, first), (last, first + last * speed))
            return [(clock.seconds(time), clock.seconds(value)) for time, value in ends]
        rate, begin = self._project.edl.output.frame_rate, clock.seconds(shot.start)
        end = clock.seconds(shot.file.length)
        marks = {-before, 0, shot.frames, shot.frames + after}
        marks |= {shot.frames * step // RAMP_STEPS for step in range(RAMP_STEPS)}
        marks |= {point.frame for point in shot.ramp.points if point.frame < shot.frames}
        points = []
        for mark in sorted(marks):
            value = begin + Fraction(source_offset_us(shot.ramp, mark, rate), US_PER_S)
            points.append((clock.seconds(mark + before), min(max(value, Fraction(0)), end)))
        return points

    def _transition(self, spine: Element, shot: Shot, join: Join) -> None:
        black = join.type == edl_pb2.TRANSITION_TYPE_FADE_BLACK
        name, uid = FADE if black else DISSOLVE
        if (name, uid) not in self._effects:
            self._effects[name, uid] = f"e{len(self._effects) + 1}"
            add(self._resources, "effect", id=self._effects[name, uid], name=name, uid=uid)
        transition = add(
            spine,
            "transition",
            name=name,
            offset=self._time(shot.begin - join.before),
            duration=self._time(join.frames),
        )
        add(transition, "filter-video", ref=self._effects[name, uid], name=name)

    def _marker(self, item: Element, index: int, shift: int) -> None:
        marker = self._project.markers[index]
        tag = "chapter-marker" if marker.kind == MarkerKind.SECTION else "marker"
        add(
            item,
            tag,
            start=self._time(marker.frame + shift),
            duration=self._time(1),
            value=marker.name,
        )

    def _song(self, item: Element, start: int) -> None:
        project, song = self._project, self._project.files.song
        add(
            item,
            "asset-clip",
            ref=song.id,
            lane="-1",
            offset=self._time(start),
            name=song.name,
            start=seconds(Fraction(project.edl.audio.offset_us, US_PER_S)),
            duration=self._time(project.song_frames),
            srcEnable="audio",
            audioRole="music",
        )

    def _asset(self, file: File) -> None:
        info = file.media.info
        attributes = {"id": file.id, "name": file.name, "start": "0s", "hasVideo": "1"}
        size = {}
        if info.width and info.height:
            size = {"width": str(info.width), "height": str(info.height)}
        if not file.frames:
            attributes["duration"] = "0s"
            form = self._format(name="FFVideoFormatRateUndefined", **size)
        else:
            attributes["duration"] = self._length(file)
            rate = info.frame_rate
            own = rate_fraction(rate) if rate.num > 0 and rate.den >= 0 else self._clock.rate
            form = self._format(frameDuration=seconds(1 / own), **size)
        attributes |= {"format": form, "videoSources": "1"}
        if info.has_audio:
            attributes |= {"hasAudio": "1", "audioSources": "1"}
            attributes["audioChannels"] = str(info.channels or 2)
        asset = add(self._resources, "asset", **attributes)
        add(asset, "media-rep", kind="original-media", src=file.url)

    def _song_asset(self) -> None:
        song, audio = self._project.files.song, self._project.edl.audio
        info = song.media.info
        length = info.duration_us or audio.offset_us + audio.duration_us
        asset = add(
            self._resources,
            "asset",
            id=song.id,
            name=song.name,
            start="0s",
            duration=seconds(Fraction(length, US_PER_S)),
            hasAudio="1",
            audioSources="1",
            audioChannels=str(info.channels or 2),
            audioRate=str(info.sample_rate or 48_000),
        )
        add(asset, "media-rep", kind="original-media", src=song.url)

    def _length(self, file: File) -> str:
        """How long a clip is, to the microsecond, and never shorter than its whole frames."""
        probed = Fraction(file.media.info.duration_us, US_PER_S)
        return seconds(max(probed, self._clock.seconds(file.frames)))

    def _format(self, **attributes: str) -> str:
        key = tuple(f"{name}={value}" for name, value in sorted(attributes.items()))
        if key not in self._formats:
            self._formats[key] = f"r{len(self._formats) + 1}"
            add(self._resources, "format", id=self._formats[key], **attributes)
        return self._formats[key]

    def _time(self, frames: int) -> str:
        return seconds(self._clock.seconds(frames))
