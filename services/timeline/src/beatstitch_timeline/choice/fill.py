"""What a clip does that is shorter than its segment.

An EDL knows LOOP and HOLD; SPEED_FIT becomes a constant speed with HOLD, and NO_REPEAT never comes
to this, because no clip is taken that is too short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Speed, SpeedPoint
from beatstitch_core.edl.speed import NORMAL
from beatstitch_core.timebase import US_PER_S, rate_fraction

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import FillPolicy

SLOWEST_FIT = NORMAL // 4
"""A clip is slowed down to a quarter, which still looks like slow motion and not like a fault."""


def filled(policy: FillPolicy.ValueType) -> FillPolicy.ValueType:
    """What the EDL says of a clip under a policy: LOOP or HOLD."""
    if policy in {edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_UNSPECIFIED}:
        return edl_pb2.FILL_POLICY_LOOP
    # NO_REPEAT holds in a transition after its segment, where nothing of the clip is left.
    return edl_pb2.FILL_POLICY_HOLD


def slowed(length_us: int, frames: int, rate: Rational) -> Speed:
    """The speed at which a clip fills frames, rounded down so that it never runs past its end.

    Args:
        length_us: How much of the clip there is, above 0.
        frames: How many frames it is to fill, above 0.
        rate: Frames per second.

    Returns:
        One point, a quarter of normal speed to normal speed.
    """
    exact = length_us * NORMAL * rate_fraction(rate) / (frames * US_PER_S)
    return Speed(points=[SpeedPoint(rate=min(NORMAL, max(SLOWEST_FIT, int(exact))))])
