"""What was chosen for a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import common_pb2, edl_pb2

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import FillPolicy, Speed


class Pick(NamedTuple):
    """A picture, or a part of a clip, as a segment shows it.

    Attributes:
        picture: The picture or clip.
        source_in_us: Where in the clip it begins, in microseconds; 0 for an image.
        source_out_us: Where in the clip it ends at the latest; 0 for an image.
        fill: LOOP or HOLD for a clip; unspecified for an image.
        speed: How fast the clip runs; None for normal speed, and for images.
    """

    picture: ReadyMedia
    source_in_us: int = 0
    source_out_us: int = 0
    fill: FillPolicy.ValueType = edl_pb2.FILL_POLICY_UNSPECIFIED
    speed: Speed | None = None

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip and not an image."""
        return self.picture.info.media_type == common_pb2.MEDIA_TYPE_VIDEO
