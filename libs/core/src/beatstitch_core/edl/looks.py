"""Invariants of what is done to a picture: fit, focus, slow moves, blows on beats, speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.pictures import UNIT, is_inside
from beatstitch_core.edl.speed import FASTEST, SLOWEST

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Segment
    from beatstitch_core.edl.findings import Findings

MAX_SPEED_POINTS = 256
"""The renderer walks them for each frame; a ramp has three."""

_FITS = frozenset(edl_pb2.Fit.values())
_FILLS = frozenset(
    {edl_pb2.FILL_POLICY_UNSPECIFIED, edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD}
)
_ACCENTS = frozenset(edl_pb2.AccentType.values()) - {edl_pb2.ACCENT_TYPE_UNSPECIFIED}


def check_looks(segment: Segment, at: str, found: Findings) -> None:
    """All that is done to one segment's picture."""
    if segment.fit not in _FITS:
        found.add(f"{at}.fit", f"unknown fit {int(segment.fit)}")
    if segment.fill not in _FILLS:
        # What the builder works into speed and source_out_us says nothing in an EDL.
        found.add(f"{at}.fill", f"must be LOOP or HOLD, not {int(segment.fill)}")
    _check_focus(segment, at, found)
    if segment.HasField("effect"):
        _check_effect(segment, at, found)
    if segment.accents:
        _check_accents(segment, at, found)
    if segment.HasField("speed"):
        _check_speed(segment, at, found)


def _check_focus(segment: Segment, at: str, found: Findings) -> None:
    if segment.HasField("focus"):
        if segment.fit != edl_pb2.FIT_FOCUS:
            found.add(f"{at}.focus", "must be given for FIT_FOCUS only")
        for name, value in (("x", segment.focus.x), ("y", segment.focus.y)):
            if not 0 <= value <= UNIT:
                found.add(f"{at}.focus.{name}", f"must be 0 to {UNIT}, not {value}")
    elif segment.fit == edl_pb2.FIT_FOCUS:
        found.add(f"{at}.focus", "must be given for FIT_FOCUS")


def _check_effect(segment: Segment, at: str, found: Findings) -> None:
    if segment.effect.WhichOneof("kind") is None:
        return
    if segment.media_type != common_pb2.MEDIA_TYPE_IMAGE:
        found.add(f"{at}.effect.ken_burns", "moves over still pictures only")
    move = segment.effect.ken_burns
    for name in ("from", "to"):
        if not is_inside(getattr(move, name)):
            found.add(
                f"{at}.effect.ken_burns.{name}",
                f"must be a rectangle of positive size inside 0 to {UNIT}",
            )


def _check_accents(segment: Segment, at: str, found: Findings) -> None:
    length = segment.timeline_out_frame - segment.timeline_in_frame
    last = None
    for k, accent in enumerate(segment.accents):
        here = f"{at}.accents[{k}]"
        if accent.type not in _ACCENTS:
            found.add(f"{here}.type", f"must be PUNCH_IN or FLASH, not {int(accent.type)}")
        inside = 0 <= accent.frame < length
        if not inside:
            found.add(
                f"{here}.frame",
                f"must lie inside the segment's {length} frames, not at {accent.frame}",
            )
        elif last is not None and accent.frame < last:
            found.add(f"{here}.frame", f"must not come before the last one's {last}")
        if accent.frames < 1:
            found.add(f"{here}.frames", f"must be 1 or more, not {accent.frames}")
        elif inside and accent.frame + accent.frames > length:
            found.add(f"{here}.frames", f"must end with the segment's {length} frames")
        if not 1 <= accent.amount <= UNIT:
            found.add(f"{here}.amount", f"must be 1 to {UNIT}, not {accent.amount}")
        last = accent.frame


def _check_speed(segment: Segment, at: str, found: Findings) -> None:
    points, length = segment.speed.points, segment.timeline_out_frame - segment.timeline_in_frame
    if segment.media_type != common_pb2.MEDIA_TYPE_VIDEO:
        found.add(f"{at}.speed", "must be given for clips only")
    if not 1 <= len(points) <= MAX_SPEED_POINTS:
        found.add(
            f"{at}.speed.points", f"must be 1 to {MAX_SPEED_POINTS} points, not {len(points)}"
        )
        return
    last = -1
    for k, point in enumerate(points):
        here = f"{at}.speed.points[{k}]"
        if k == 0:
            if point.frame != 0:
                found.add(f"{here}.frame", f"must be 0 in the first point, not {point.frame}")
        elif point.frame <= last:
            found.add(f"{here}.frame", f"must be above the last one's {last}, not {point.frame}")
        elif point.frame > length:
            # A ramp may end on the cut itself, one past the last frame.
            found.add(f"{here}.frame", f"must be at most the segment's {length}, not {point.frame}")
        if not SLOWEST <= point.rate <= FASTEST:
            found.add(f"{here}.rate", f"must be {SLOWEST} to {FASTEST}, not {point.rate}")
        last = point.frame
