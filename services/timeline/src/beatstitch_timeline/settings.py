"""What the timeline service can be told through its environment (prefix BEATSTITCH_)."""

from __future__ import annotations

from pydantic import Field

from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_core.limits import TIMELINE_TIMEOUT_S, default_limits
from beatstitch_runtime.settings import ServiceSettings

_DEFAULTS = default_limits()


class TimelineServiceSettings(ServiceSettings):
    """Settings of the timeline service.

    Attributes:
        timeline_slots: Timelines built at the same time in each lane.
        timeline_timeout_s: A build that takes longer is given up.
        max_beats_per_cut: Largest beats_per_cut.
        max_side_pixels: Largest width and height in pixels.
        max_fps: Highest frame rate per second.
        max_segments: Most segments in an EDL.
        max_media_per_project: Most pictures and clips that a timeline is built from.
    """

    timeline_slots: int = Field(2, ge=1, le=64)
    timeline_timeout_s: float = Field(TIMELINE_TIMEOUT_S, gt=0)
    max_beats_per_cut: int = Field(_DEFAULTS.max_beats_per_cut, ge=1)
    max_side_pixels: int = Field(_DEFAULTS.max_side_pixels, ge=16)
    max_fps: int = Field(_DEFAULTS.max_fps, ge=1)
    max_segments: int = Field(_DEFAULTS.max_segments, ge=1)
    max_media_per_project: int = Field(_DEFAULTS.max_media_per_project, ge=1)

    def limits(self) -> Limits:
        """The default limits with these settings' own."""
        limits = default_limits()
        limits.max_beats_per_cut = self.max_beats_per_cut
        limits.max_side_pixels = self.max_side_pixels
        limits.max_fps = self.max_fps
        limits.max_segments = self.max_segments
        limits.max_media_per_project = self.max_media_per_project
        return limits
