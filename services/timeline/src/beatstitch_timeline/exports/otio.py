"""OpenTimelineIO: its own library writes it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import opentimelineio as otio  # type: ignore[import-untyped]
from google.protobuf import json_format

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Segment
from beatstitch_core.timebase import US_PER_S
from beatstitch_timeline.exports.markers import MarkerKind
from beatstitch_timeline.exports.project import note_looks, note_ramps
from beatstitch_timeline.exports.shots import Kind

if TYPE_CHECKING:
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.markers import Marker
    from beatstitch_timeline.exports.project import Project
    from beatstitch_timeline.exports.shots import Shot

METADATA = "beatstitch"
_COLOURS = {
    MarkerKind.BEAT: otio.schema.MarkerColor.GREEN,
    MarkerKind.BAR: otio.schema.MarkerColor.RED,
    MarkerKind.SECTION: otio.schema.MarkerColor.PURPLE,
}


def write_otio(project: Project) -> bytes:
    """The project as OpenTimelineIO JSON.

    What OpenTimelineIO has no words for is kept as metadata of the clips. Without indentation: the
    file of a long timeline is a third of the size.
    """
    note_ramps(project)
    note_looks(project, "kept as metadata only")
    text: str = _Writer(project).timeline().to_json_string(indent=-1)
    return text.encode()


class _Writer:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._rate = float(project.clock.rate)

    def timeline(self) -> otio.schema.Timeline:
        project = self._project
        timeline = otio.schema.Timeline(name=project.title)
        timeline.global_start_time = self._time(0)
        timeline.metadata[METADATA] = {
            "edl_version": project.edl.version,
            "frame_rate": f"{project.clock.rate.numerator}/{project.clock.rate.denominator}",
        }
        picture = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
        sides = pairwise([*project.joins, None])
        for shot, (join, after) in zip(project.shots, sides, strict=True):
            if join is not None:
                picture.append(self._transition(join))
            more = (join.frames if join else 0) + (after.frames if after else 0)
            picture.append(self._clip(shot, shot.frames + more))
        sound = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
        sound.append(self._song())
        timeline.tracks.append(picture)
        timeline.tracks.append(sound)
        timeline.tracks.markers.extend(self._marker(marker) for marker in project.markers)
        return timeline

    def _clip(self, shot: Shot, still_frames: int) -> otio.schema.Clip:
        """A shot; a still picture is as long as it is needed, its transitions included."""
        file = shot.file
        media = otio.schema.ExternalReference(target_url=file.url)
        media.name = file.name
        if shot.kind == Kind.CLIP:
            media.available_range = self._range(0, file.frames)
        elif shot.kind == Kind.STILL:
            media.available_range = self._range(0, still_frames)
        clip = otio.schema.Clip(
            name=file.name,
            media_reference=media,
            source_range=self._range(shot.start, shot.frames),
        )
        clip.metadata[METADATA] = _kept(shot.segment)
        if shot.kind == Kind.FREEZE:
            clip.effects.append(otio.schema.FreezeFrame())
        elif shot.speed != 1:
            clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(shot.speed)))
        return clip

    def _song(self) -> otio.schema.Clip:
        """The song; where the video doesn't begin on a whole frame of it, on a part of one."""
        project, song = self._project, self._project.files.song
        start = Fraction(project.edl.audio.offset_us, US_PER_S) * project.clock.rate
        media = otio.schema.ExternalReference(target_url=song.url)
        media.name = song.name
        media.available_range = self._range(0, song.frames)
        return otio.schema.Clip(
            name=song.name,
            media_reference=media,
            source_range=otio.opentime.TimeRange(
                otio.opentime.RationalTime(float(start), self._rate),
                self._time(project.song_frames),
            ),
        )

    def _transition(self, join: Join) -> otio.schema.Transition:
        kind = edl_pb2.TransitionType.Name(join.type).removeprefix("TRANSITION_TYPE_")
        dissolve = join.type == edl_pb2.TRANSITION_TYPE_CROSSFADE
        types = otio.schema.TransitionTypes
        transition = otio.schema.Transition(
            name=kind.replace("_", " ").title(),
            transition_type=types.SMPTE_Dissolve if dissolve else types.Custom,
            in_offset=self._time(join.before),
            out_offset=self._time(join.after),
        )
        direction = edl_pb2.Direction.Name(join.direction).removeprefix("DIRECTION_")
        transition.metadata[METADATA] = {"type": kind, "direction": direction}
        return transition

    def _marker(self, marker: Marker) -> otio.schema.Marker:
        return otio.schema.Marker(
            name=marker.name,
            marked_range=self._range(marker.frame, marker.frames),
            color=_COLOURS[marker.kind],
            metadata={METADATA: {"kind": marker.kind.value}},
        )

    def _time(self, frame: int) -> otio.opentime.RationalTime:
        return otio.opentime.RationalTime(frame, self._rate)

    def _range(self, start: int, frames: int) -> otio.opentime.TimeRange:
        return otio.opentime.TimeRange(self._time(start), self._time(frames))


def _kept(segment: Segment) -> dict[str, object]:
    """What a segment says that a clip can't."""
    kept = {"index": segment.index, "fit": edl_pb2.Fit.Name(segment.fit).removeprefix("FIT_")}
    rest = Segment()
    for name in ("cut", "effect", "focus", "speed", "sound"):
        if segment.HasField(name):
            getattr(rest, name).CopyFrom(getattr(segment, name))
    rest.accents.extend(segment.accents)
    return kept | json_format.MessageToDict(rest, preserving_proto_field_name=True)
