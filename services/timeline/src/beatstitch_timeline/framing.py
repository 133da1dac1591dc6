"""Which part of a picture is seen, and what in it must be, in 1/65536 of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import UnitPoint, UnitRect
from beatstitch_core.edl.pictures import UNIT

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Fit, OutputFormat

WHOLE_FITS = frozenset({edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR})
"""Fits that show all of a picture."""


def focus_of(picture: ReadyMedia) -> UnitPoint:
    """Where the eye goes in a picture or clip; its middle where that is not known."""
    if not picture.traits.schema_version:
        return UnitPoint(x=UNIT // 2, y=UNIT // 2)
    x, y = picture.traits.focus_x, picture.traits.focus_y
    return UnitPoint(x=min(max(x, 0), UNIT), y=min(max(y, 0), UNIT))


def visible_part(
    width: int,
    height: int,
    output: OutputFormat,
    fit: Fit.ValueType,
    focus: UnitPoint | None = None,
) -> UnitRect:
    """The part of a picture that is seen without a move.

    COVER: the largest centred rectangle of the output's shape. FOCUS: as large, its middle as near
    to the focus as the picture's edges allow. CONTAIN and BLUR: all of the picture; a part of the
    picture's own shape is fitted in like the picture, so the background stands still.

    Args:
        width: The picture's, in pixels.
        height: The picture's, in pixels.
        output: Shape of the video.
        fit: How the picture is brought to it.
        focus: What must be seen with FOCUS; None for the middle.
    """
    if fit in WHOLE_FITS:
        return UnitRect(x=0, y=0, w=UNIT, h=UNIT)
    across, along = width * output.height, height * output.width
    w = UNIT if across <= along else max(1, UNIT * along // across)
    h = UNIT if across >= along else max(1, UNIT * across // along)
    if fit == edl_pb2.FIT_FOCUS and focus is not None:
        x, y = focus.x - w // 2, focus.y - h // 2
        return UnitRect(x=min(max(x, 0), UNIT - w), y=min(max(y, 0), UNIT - h), w=w, h=h)
    return UnitRect(x=(UNIT - w) // 2, y=(UNIT - h) // 2, w=w, h=h)
