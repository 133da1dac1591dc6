"""All that an export is made of, and what the formats can't say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import US_PER_S
from beatstitch_timeline.exports.clock import Clock
from beatstitch_timeline.exports.files import Files
from beatstitch_timeline.exports.joins import joins_of
from beatstitch_timeline.exports.markers import markers_of
from beatstitch_timeline.exports.names import clean
from beatstitch_timeline.exports.shots import Kind, shots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Edl, TransitionType
    from beatstitch_timeline.exports.joins import Join
    from beatstitch_timeline.exports.markers import Marker
    from beatstitch_timeline.exports.shots import Shot


class Notes:
    """What a format can't say, counted; as sentences in the order in which it was noted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, text: str, count: int = 1) -> None:
        """Notes something; `text` has a {} for the number of times."""
        if count > 0:
            self._counts[text] += count

    def texts(self) -> list[str]:
        """The sentences."""
        return [text.format(count) for text, count in self._counts.items()]


class Project(NamedTuple):
    """An EDL, ready to be written down.

    Attributes:
        title: Clean, not empty.
        edl: The EDL.
        clock: Its frame rate.
        files: The files that it names.
        shots: The picture track, from frame 0 without a gap.
        joins: For each shot the transition that it begins with; None for a cut.
        markers: Beats, bars and sections.
        notes: What is lost.
    """

    title: str
    edl: Edl
    clock: Clock
    files: Files
    shots: Sequence[Shot]
    joins: Sequence[Join | None]
    markers: Sequence[Marker]
    notes: Notes

    @property
    def frames(self) -> int:
        """Length of the video."""
        return self.shots[-1].end if self.shots else 0

    @property
    def song_start(self) -> int:
        """Where in the song the video begins, in whole frames."""
        return self.clock.frames_in(self.edl.audio.offset_us)

    @property
    def song_frames(self) -> int:
        """How many frames of the song are heard: the video's, or up to the song's end."""
        return max(1, min(self.frames, self.files.song.frames - self.song_start))

    @property
    def song_is_on_a_frame(self) -> bool:
        """Whether the video begins on a whole frame of the song."""
        offset_us = self.edl.audio.offset_us
        return self.song_start == offset_us * self.clock.rate / US_PER_S


def project_of(
    edl: Edl, grid: BeatGrid, media: Sequence[ReadyMedia], base_url: str, title: str
) -> Project:
    """An EDL, ready to be written down in any format.

    Args:
        edl: The EDL; keeps all invariants.
        grid: The beats that it is cut to; empty for no markers.
        media: The assets that it names.
        base_url: Folder or URL of the files; empty for names alone.
        title: Name of the project.
    """
    clock, notes = Clock.of(edl.output.frame_rate), Notes()
    files = Files(edl, media, base_url, clock)
    shots = shots_of(edl, files, clock)
    joins = joins_of(shots)
    notes.add("{} files are not in the project any more and are named by their id", files.missing)
    notes.add(
        "{} files have a number added to their names, because others have the same", files.renamed
    )
    turned = {shot.segment.index for shot in shots if shot.kind == Kind.CLIP and shot.turn}
    notes.add("{} clips that begin again are cut into several", len(turned))
    notes.add(
        "{} transitions are shorter, because a clip has no material for them", joins.shortened
    )
    _note_what_no_format_has(edl, notes)
    return Project(
        clean(title, "BeatStitch timeline"),
        edl,
        clock,
        files,
        shots,
        joins.into,
        markers_of(edl, grid),
        notes,
    )


def _note_what_no_format_has(edl: Edl, notes: Notes) -> None:
    """Notes what lies over or under the whole video, which we write into no format."""
    kinds = Counter(overlay.WhichOneof("content") for overlay in edl.overlays)
    notes.add("{} texts are left out", kinds["text"])
    notes.add("{} watermarks are left out", kinds["picture"])
    if edl.audio.fade_in_us or edl.audio.fade_out_us:
        notes.add("the song's fades are left out")


def note_looks(project: Project, fate: str = "left out") -> None:
    """Notes what only our own renderer shows: accents, moves, backgrounds, focus, clips' sounds."""
    notes, segments = project.notes, project.edl.segments
    notes.add(f"{{}} accents are {fate}", sum(len(segment.accents) for segment in segments))
    moved = sum(segment.effect.WhichOneof("kind") is not None for segment in segments)
    notes.add(f"{{}} moves over pictures are {fate}", moved)
    blurred = sum(segment.fit == edl_pb2.FIT_BLUR for segment in segments)
    notes.add(f"{{}} blurred backgrounds are {fate}", blurred)
    focused = sum(segment.fit == edl_pb2.FIT_FOCUS for segment in segments)
    notes.add(f"{{}} focus points are {fate}", focused)
    heard = sum(segment.HasField("sound") for segment in segments)
    notes.add(f"{{}} sounds of clips are {fate}", heard)


def note_ramps(project: Project) -> None:
    """Notes the ramps that become a constant speed."""
    ramps = sum(shot.ramp is not None for shot in project.shots)
    project.notes.add("{} clips run at their average speed, without a ramp", ramps)


def note_song(project: Project) -> None:
    """Notes a song that a format in whole frames can't begin exactly."""
    if not project.song_is_on_a_frame:
        project.notes.add("the song begins up to a frame too early: it is counted in frames here")


def note_dissolves(project: Project, known: frozenset[TransitionType.ValueType]) -> None:
    """Notes transitions that become a dissolve, because the format has no words for them."""
    other = sum(join is not None and join.type not in known for join in project.joins)
    project.notes.add("{} transitions are dissolves here", other)
