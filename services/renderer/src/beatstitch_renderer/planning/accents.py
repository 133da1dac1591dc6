"""How strong a segment's blows are in which frame, in integers."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch_core.timebase import round_half_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beatstitch.v1.edl_pb2 import Accent, AccentType


def amount_at(accents: Iterable[Accent], kind: AccentType.ValueType, step: int) -> int:
    """What is left of a segment's blows of one kind, in 1/65536; 0 where there is none.

    Where one begins before another is over, the stronger one counts: a blow is never weakened by
    what is left of the one before.

    Args:
        accents: The segment's.
        kind: Which of them.
        step: The frame, counted from the segment's first; may be negative.
    """
    most = Fraction(0)
    for accent in accents:
        at = step - accent.frame
        if accent.type == kind and 0 <= at < accent.frames:
            most = max(most, Fraction(accent.amount * (accent.frames - at), accent.frames))
    return round_half_up(most)
