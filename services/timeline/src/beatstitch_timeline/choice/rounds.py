"""The order of POSITION and SHUFFLE: rounds in which each asset comes by its weight.

In round r an asset of weight w comes ceil((r + 1)w / 10) - ceil(rw / 10) times: a normal one once,
one of 20 twice, one of 5 in every other round; each comes in the first. Its turns are spread evenly
over the round. What can't be shown when its turn comes waits, and goes first when it can.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_rules_pb2
from beatstitch_timeline.choice.pool import NORMAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from beatstitch.v1.timeline_rules_pb2 import ChoiceOrder

SHUFFLE = timeline_rules_pb2.CHOICE_ORDER_SHUFFLE


def turns(weight: int, number: int) -> int:
    """How often an asset comes in a round, numbered from 0."""
    return -(-(number + 1) * weight // NORMAL_WEIGHT) + (-number * weight // NORMAL_WEIGHT)


def in_turn(order: Sequence[int], counts: Sequence[int]) -> list[int]:
    """A round: each of `order` as often as `counts` (by its number) says, evenly spread.

    With equal counts it is the order, again and again.
    """
    places = [
        (Fraction(k * len(order) + place, counts[item]), k, place, item)
        for place, item in enumerate(order)
        for k in range(counts[item])
    ]
    return [item for *_, item in sorted(places)]


def shuffled(names: Sequence[str], members: Iterable[int], seed: int, number: int) -> list[int]:
    """The members in an order that the seed and the round's number decide, by hash.

    Args:
        names: An id for each number.
        members: Numbers to be put in order.
        seed: The settings' seed.
        number: The round.
    """

    def key(item: int) -> tuple[bytes, int]:
        text = f"shuffle:{seed}:{number}:{names[item]}"
        return hashlib.sha256(text.encode()).digest(), item

    return sorted(members, key=key)


class Rounds:
    """Hands out candidates by number, round by round.

    Args:
        names: Their asset ids.
        weights: Their weights; 0 for one that can't be shown at all.
        order: POSITION or SHUFFLE.
        seed: For SHUFFLE.
        once: Whether there is one round only.
    """

    def __init__(
        self,
        names: Sequence[str],
        weights: Sequence[int],
        order: ChoiceOrder.ValueType,
        seed: int,
        *,
        once: bool,
    ) -> None:
        self._names, self._weights = names, weights
        self._order, self._seed, self._once = order, seed, once
        self._members = [item for item, weight in enumerate(weights) if weight > 0]
        self._number = 0
        self._newest = ""
        self._cache: dict[int, list[int]] = {}
        self.waiting: list[int] = []
        """Whose turn it is, in order."""
        self.asked: list[int] = []
        """Whose turn it was when one was last taken."""
        if self._members:
            self._next_round()

    def take(
        self, free: Callable[[int], bool], fits: Callable[[int], bool], last: Sequence[int]
    ) -> int | None:
        """The next one's number; None where none fits, or where the only round is used up.

        Args:
            free: Whether one was not shown too lately.
            fits: Whether one is long enough.
            last: When each was shown last; negative for never.
        """
        chosen = self._first(free, fits)
        # Ten rounds bring even the lightest; another one is begun only where nobody waiting can go.
        for _ in range(0 if self._once or not self._members else NORMAL_WEIGHT):
            if chosen is not None:
                break
            self._next_round()
            chosen = self._first(free, fits)
        if chosen is None:
            # There are not enough to keep the window: the one that was shown longest ago.
            fitting = [place for place, item in enumerate(self.waiting) if fits(item)]
            if not fitting:
                return None
            chosen = min(fitting, key=lambda place: last[self.waiting[place]])
        self.asked = list(self.waiting)
        item = self.waiting.pop(chosen)
        self._newest = self._names[item]
        return item

    def _first(self, free: Callable[[int], bool], fits: Callable[[int], bool]) -> int | None:
        """The place of the first who can go; of a shuffle, one that was not just shown."""
        just_shown = None
        for place, item in enumerate(self.waiting):
            if free(item) and fits(item):
                if self._order != SHUFFLE or self._names[item] != self._newest:
                    return place
                just_shown = place
        return just_shown

    def _next_round(self) -> None:
        """Puts a round behind those who wait; nobody waits twice for what is one turn."""
        waiting = Counter(self.waiting)
        for item in self._round(self._number):
            if waiting[item] > 0:
                waiting[item] -= 1
            else:
                self.waiting.append(item)
        self._number += 1

    def _round(self, number: int) -> list[int]:
        counts = [turns(weight, number) for weight in self._weights]
        if self._order == SHUFFLE:
            return in_turn(shuffled(self._names, self._members, self._seed, number), counts)
        # The turns of all weights come again after ten rounds.
        key = number % NORMAL_WEIGHT
        if key not in self._cache:
            self._cache[key] = in_turn(self._members, counts)
        return self._cache[key]
