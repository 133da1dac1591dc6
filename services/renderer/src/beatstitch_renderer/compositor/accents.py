"""Blows on beats, drawn over a finished picture: the same way on stills and on clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.geometry import UNIT
from beatstitch_renderer.compositor.planes import WHITE, Planes, magnified, toned
from beatstitch_renderer.planning.accents import amount_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beatstitch.v1.edl_pb2 import Accent


def accented(
    picture: Planes, accents: Sequence[Accent], step: int, anchor: Callable[[], tuple[float, float]]
) -> Planes:
    """The picture with its segment's blows in one frame; the same object where there are none.

    Args:
        picture: What the segment shows.
        accents: The segment's.
        step: The frame, counted from the segment's first.
        anchor: Tells the point, in pixels of the frame, that stands still when it jumps nearer.
    """
    nearer = amount_at(accents, edl_pb2.ACCENT_TYPE_PUNCH_IN, step)
    if nearer > 0:
        picture = magnified(picture, (UNIT + nearer) / UNIT, anchor())
    flash = amount_at(accents, edl_pb2.ACCENT_TYPE_FLASH, step)
    return toned(picture, WHITE, flash) if flash > 0 else picture
