"""What can be chosen from: each asset once, with its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import common_pb2
from beatstitch.v1.timeline_rules_pb2 import AssetRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.timeline_rules_pb2 import ChoiceRules

NORMAL_WEIGHT = 10
ENDLESS = 1 << 62
"""How long an image is: longer than any segment."""


class Candidate(NamedTuple):
    """A picture or clip that can be chosen.

    Attributes:
        media: The asset.
        is_clip: Whether it is a clip and not an image.
        begin_us: First microsecond of a clip that may be shown.
        end_us: One past the last.
        weight: How often it comes in relation to others; 10 is normal.
    """

    media: ReadyMedia
    is_clip: bool
    begin_us: int
    end_us: int
    weight: int

    @property
    def length_us(self) -> int:
        """How much of it there is; 0 or less where the rule leaves nothing of a clip."""
        return self.end_us - self.begin_us if self.is_clip else ENDLESS


def pool_of(media: Sequence[ReadyMedia], rules: ChoiceRules) -> list[Candidate]:
    """The candidates in the media's order; an asset that is given twice counts twice.

    A window that ends after its clip ends with it; one that begins after it leaves nothing.
    """
    by_asset = {rule.asset_id: rule for rule in rules.assets}
    return [_candidate(item, by_asset.get(item.asset_id, AssetRule())) for item in media]


def _candidate(item: ReadyMedia, rule: AssetRule) -> Candidate:
    is_clip = item.info.media_type == common_pb2.MEDIA_TYPE_VIDEO
    length = item.info.duration_us
    begin, end = max(rule.in_us, 0), min(rule.out_us or length, length)
    return Candidate(item, is_clip, begin, end, rule.weight or NORMAL_WEIGHT)
