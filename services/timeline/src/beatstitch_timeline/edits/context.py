"""What edits of a timeline stand on and never change: song, beats, media, settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.limits import default_limits
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.accents import beat_frames
from beatstitch_timeline.doubt import grid_to_cut
from beatstitch_timeline.edits.beats import Beats
from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.rules.sections import Form
from beatstitch_timeline.transitions import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, OutputFormat, Transition
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch_timeline.accents import BeatFrames


@dataclass
class Context:
    """What an edit may look at.

    Attributes:
        output: Shape of the video, the EDL's own.
        offset_us: Where in the song the video begins.
        end: One past the video's last frame.
        beats: What it is cut to.
        media: Pictures and clips by id.
        settings: What it was built with, all fields given, in the EDL's shape.
        windows: Up to where in a clip the settings allow to go, by asset, in microseconds.
        max_segments: Most segments in an EDL.
    """

    output: OutputFormat
    offset_us: int
    end: int
    beats: Beats
    media: Mapping[str, ReadyMedia]
    settings: TimelineSettings
    windows: Mapping[str, int]
    max_segments: int

    @classmethod
    def of(
        cls,
        edl: Edl,
        grid: BeatGrid,
        media: Sequence[ReadyMedia],
        settings: TimelineSettings,
        limits: Limits | None = None,
    ) -> Context:
        """The context of an EDL's edits."""
        wanted = TimelineSettings()
        wanted.CopyFrom(settings)
        wanted.output.CopyFrom(edl.output)
        full = with_defaults(wanted)
        by_id = {item.asset_id: item for item in media}
        return cls(
            output=edl.output,
            offset_us=edl.audio.offset_us,
            end=frame_at(edl.audio.duration_us, edl.output.frame_rate),
            beats=_beats(edl, grid, by_id, full),
            media=by_id,
            settings=full,
            windows={rule.asset_id: rule.out_us for rule in full.choice.assets if rule.out_us},
            max_segments=(limits or default_limits()).max_segments,
        )

    @cached_property
    def beat_frames(self) -> BeatFrames:
        """The frames of the beats that accents come on."""
        return beat_frames(self.beats.grid, self.offset_us, self.rate)

    @cached_property
    def _lengths(self) -> Mapping[str, int]:
        lengths = {key: item.info.duration_us for key, item in self.media.items()}
        return {key: length for key, length in lengths.items() if length > 0}

    @cached_property
    def _form(self) -> Form:
        return Form(self.beats.grid.sections, self.settings.section_rules)

    def usual_way(self, time_us: int) -> Transition:
        """How the settings let a segment begin there, its neighbours being long enough."""
        way = self.settings.transition
        rule = self._form.rule_of(self._form.section_at(time_us))
        if rule >= 0 and self.settings.section_rules[rule].HasField("transition"):
            way = self.settings.section_rules[rule].transition
        return shortened(way, 2 * way.frames, 2 * way.frames)

    @property
    def rate(self) -> Rational:
        """Frames per second."""
        return self.output.frame_rate

    def frame_of(self, beat: int) -> int:
        """The frame of a beat; outside 0 to end where it isn't in the video."""
        return frame_at(self.beats.times[beat] - self.offset_us, self.rate)

    def limit_us(self, asset_id: str, source_in_us: int) -> int | None:
        """Up to where a clip may be shown that begins at `source_in_us`; None where not known.

        A person may begin behind the settings' window; then the clip's own end is the limit.
        """
        length = self._lengths.get(asset_id)
        window = self.windows.get(asset_id, 0)
        return min(window, length) if length and window > source_in_us else length

    def check_count(self, count: int) -> None:
        """Refuses more segments than are allowed."""
        if count > self.max_segments:
            raise Refused(f"makes {count} segments; {self.max_segments} are allowed")


def _beats(
    edl: Edl, grid: BeatGrid, media: Mapping[str, ReadyMedia], full: TimelineSettings
) -> Beats:
    # Whoever has a timeline got past FAIL; only EVEN_GRID cuts to other beats than the grid's.
    if full.on_low_confidence != timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID:
        return Beats(grid)
    song = media.get(edl.audio.asset_id)
    probed = song.info.duration_us if song else edl.audio.offset_us + edl.audio.duration_us
    return Beats(grid_to_cut(grid, grid.duration_us or probed, full.on_low_confidence))
