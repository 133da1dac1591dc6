"""The order of SCORE: whoever has the most points. All in thousandths, ties by position.

- order: up to 100 for who comes next in the given order, falling to 0 for who came last.
- weight: 100 for each time that one was shown less often than its share by weight (and minus 100
  for each time more).
- recency: -1000 for who was shown just now, rising to 0 over as many segments as candidates.
- motion: up to 500 for a clip with a part as busy as the segment is loud; 250 for a picture.
- calm: up to 500 for a picture where it is calm, and for a clip where it is loud.
- scene_cuts: what speaks against a clip's best part (see `Material.penalty`), below 0.

What the terms of a segment are depends on its length and loudness. So that they are not computed
anew for each segment, lengths are rounded up to eighths of a power of two and loudness to tenths;
the part that is shown is chosen with the exact numbers (see `parts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch_timeline.choice.needs import Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.timeline_rules_pb2 import ChoiceRules
    from beatstitch_timeline.choice.parts import Clip, Offer
    from beatstitch_timeline.choice.pool import Candidate

PERMILLE = 1000
ORDER_POINTS, SHARE_POINTS, RECENCY_POINTS = 100, 100, 1000
MATCH_POINTS = 500
NEVER = -(1 << 40)
_FINE = 1 << 20


class Suit(NamedTuple):
    """How well a candidate suits a segment, whatever was shown before."""

    motion: int
    calm: int
    scene_cuts: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.motion + self.calm + self.scene_cuts


class Scores:
    """Points of all candidates, segment by segment.

    Args:
        pool: The candidates.
        clips: The clips among them by number.
        rules: What counts.
    """

    def __init__(
        self, pool: Sequence[Candidate], clips: dict[int, Clip], rules: ChoiceRules
    ) -> None:
        self._pool, self._clips = pool, clips
        self._matched, self._calm = rules.match_motion_to_energy, rules.images_on_calm
        count, weights = len(pool), sum(item.weight for item in pool)
        self._shares = [SHARE_POINTS * _FINE * item.weight // weights for item in pool]
        falling = [ORDER_POINTS * (count - place) // count for place in range(count)]
        self._order = falling + falling
        self._rise = -(-RECENCY_POINTS // count)
        self._suits: dict[tuple[int, int], list[Suit]] = {}
        self._totals: dict[tuple[int, int], list[int]] = {}
        self._offers: dict[tuple[int, int], Offer] = {}
        self._spent = [0] * count
        self._newest = -1

    def show(self, item: int) -> None:
        """Notes that a candidate is shown."""
        self._spent[item] += SHARE_POINTS
        self._newest = item

    def points(self, index: int, need_us: int, loudness: int, last: Sequence[int]) -> list[int]:
        """Each candidate's points.

        Args:
            index: The segment.
            need_us: How long it is.
            loudness: How loud it is, in thousandths.
            last: When each candidate was shown last; NEVER for never.
        """
        rise = self._rise
        return [
            suit
            + order
            + (index * share // _FINE)
            - spent
            + (recency if (recency := (index - shown) * rise - RECENCY_POINTS) < 0 else 0)
            for suit, order, share, spent, shown in zip(
                self._totals_of(need_us, loudness),
                self._orders(),
                self._shares,
                self._spent,
                last,
                strict=True,
            )
        ]

    def terms(
        self, item: int, index: int, need_us: int, loudness: int, last: Sequence[int]
    ) -> dict[str, int]:
        """What one candidate's points are made of, by the names of ScoreTerm."""
        suit = self._suits_of(need_us, loudness)[item]
        return {
            "order": self._orders()[item],
            "weight": index * self._shares[item] // _FINE - self._spent[item],
            "recency": min(0, (index - last[item]) * self._rise - RECENCY_POINTS),
            "motion": suit.motion,
            "calm": suit.calm,
            "scene_cuts": suit.scene_cuts,
        }

    def _orders(self) -> list[int]:
        """The points of order: the one after the newest has the most."""
        count = len(self._pool)
        first = (count - 1 - self._newest) % count
        return self._order[first : first + count]

    def _totals_of(self, need_us: int, loudness: int) -> list[int]:
        key = rounded(need_us, loudness)
        if key not in self._totals:
            self._totals[key] = [suit.total for suit in self._suits_of(need_us, loudness)]
        return self._totals[key]

    def _suits_of(self, need_us: int, loudness: int) -> list[Suit]:
        key = rounded(need_us, loudness)
        if key not in self._suits:
            self._suits[key] = [self._suit(item, *key) for item in range(len(self._pool))]
        return self._suits[key]

    def _offer(self, item: int, need_us: int) -> Offer:
        key = (item, need_us)
        if key not in self._offers:
            self._offers[key] = self._clips[item].offer(Need(0, need_us, 0, 0))
        return self._offers[key]

    def _suit(self, item: int, need_us: int, loudness: int) -> Suit:
        if item not in self._clips:
            motion = MATCH_POINTS // 2 if self._matched else 0
            calm = (PERMILLE - loudness) * MATCH_POINTS // PERMILLE if self._calm else 0
            return Suit(motion, calm, 0)
        offer = self._offer(item, need_us)
        matched = MATCH_POINTS - offer.mismatch(loudness) // 2 if self._matched else 0
        calm = loudness * MATCH_POINTS // PERMILLE if self._calm else 0
        return Suit(matched, calm, -offer.penalty)


def rounded(need_us: int, loudness: int) -> tuple[int, int]:
    """A length rounded up to an eighth of a power of two, a loudness to a tenth."""
    step = 1 << max(0, need_us.bit_length() - 4)
    return -(-need_us // step) * step, (loudness + 50) // 100 * 100
