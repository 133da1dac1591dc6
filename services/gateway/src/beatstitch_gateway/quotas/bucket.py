"""A token bucket. Pure: the time is given to it.

Tokens flow in at a steady rate up to the burst; a call takes one, a batch as many as it has items.
A batch that is larger than the bucket needs a full one and leaves it in debt: it isn't refused for
ever, and what it took too much is waited for afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """How many tokens there are.

    Attributes:
        tokens: At the time `at`; negative after a batch that was larger than the bucket.
        at: Seconds of a clock that never goes back.
    """

    tokens: float
    at: float

    def take(self, now: float, cost: int, per_s: float, burst: int) -> float:
        """Takes tokens, or says in how many seconds that will be possible.

        Args:
            now: Seconds, of the same clock as `at`.
            cost: How many.
            per_s: How many flow in each second.
            burst: How many there are at most. It and the rate may change between calls.

        Returns:
            0 when they were taken.
        """
        self.tokens = min(float(burst), self.tokens + (now - self.at) * per_s)
        self.at = now
        needed = min(cost, burst)
        if self.tokens < needed:
            return (needed - self.tokens) / per_s
        self.tokens -= cost
        return 0.0

    def is_full(self, now: float, per_s: float, burst: int) -> bool:
        """Whether forgetting it would change nothing."""
        return self.tokens + (now - self.at) * per_s >= burst
