"""The parts of xmeml that know nothing of a project: rates, markers, filters, transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2
from beatstitch_timeline.exports.markers import MarkerKind
from beatstitch_timeline.exports.xml_text import add

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from beatstitch.v1.edl_pb2 import Direction, TransitionType
    from beatstitch_timeline.exports.clock import Clock
    from beatstitch_timeline.exports.markers import Marker

DIPS = frozenset({edl_pb2.TRANSITION_TYPE_FADE_BLACK, edl_pb2.TRANSITION_TYPE_FADE_WHITE})
KNOWN = DIPS | {edl_pb2.TRANSITION_TYPE_CROSSFADE, edl_pb2.TRANSITION_TYPE_WIPE}
_COLOURS = {MarkerKind.SECTION: (155, 89, 182), MarkerKind.BAR: (231, 76, 60)}


def rate(parent: Element, clock: Clock) -> None:
    """How frames are counted."""
    node = add(parent, "rate")
    add(node, "timebase", clock.timebase)
    add(node, "ntsc", "TRUE" if clock.is_ntsc else "FALSE")


def marker_node(parent: Element, marker: Marker) -> None:
    """A marker of the sequence; a section's has a length."""
    node = add(parent, "marker")
    add(node, "name", marker.name)
    add(node, "comment", marker.kind.value)
    add(node, "in", marker.frame)
    ranged = marker.kind == MarkerKind.SECTION
    add(node, "out", marker.frame + marker.frames if ranged else -1)
    if marker.kind in _COLOURS:
        colour = add(node, "color")
        for name, value in zip(("red", "green", "blue"), _COLOURS[marker.kind], strict=True):
            add(colour, name, value)


def _parameter(effect: Element, name: str, value: str | None) -> Element:
    parameter = add(effect, "parameter")
    add(parameter, "parameterid", name)
    add(parameter, "name", name)
    if value is not None:
        add(parameter, "value", value)
    return parameter


def speed_filter(item: Element, percent: float) -> None:
    """A clip at another speed, the same all the time."""
    effect = add(add(item, "filter"), "effect")
    add(effect, "name", "Time Remap")
    add(effect, "effectid", "timeremap")
    add(effect, "effecttype", "motion")
    add(effect, "mediatype", "video")
    add(effect, "effectcategory", "motion")
    _parameter(effect, "variablespeed", "0")
    _parameter(effect, "speed", f"{percent:.6f}".rstrip("0").rstrip("."))
    _parameter(effect, "reverse", "FALSE")
    _parameter(effect, "frameblending", "FALSE")


def transition_effect(
    effect: Element, kind: TransitionType.ValueType, direction: Direction.ValueType
) -> None:
    """What a transition looks like; others than `KNOWN` are dissolves."""
    wipe, dip = kind == edl_pb2.TRANSITION_TYPE_WIPE, kind in DIPS
    name = "Edge Wipe" if wipe else "Dip to Color Dissolve" if dip else "Cross Dissolve"
    add(effect, "name", name)
    add(effect, "effectid", name)
    add(effect, "effecttype", "transition")
    add(effect, "mediatype", "video")
    add(effect, "effectcategory", "Wipe" if wipe else "Dissolve")
    if wipe:
        _wipe(effect, direction)
    if dip:
        _dip(effect, 255 if kind == edl_pb2.TRANSITION_TYPE_FADE_WHITE else 0)


def _wipe(effect: Element, direction: Direction.ValueType) -> None:
    """SMPTE wipe 1 moves from left to right, 2 from top to bottom."""
    upright = direction in {edl_pb2.DIRECTION_UP, edl_pb2.DIRECTION_DOWN}
    back = direction in {edl_pb2.DIRECTION_LEFT, edl_pb2.DIRECTION_UP}
    add(effect, "wipecode", 2 if upright else 1)
    add(effect, "wipeaccuracy", 100)
    add(effect, "startratio", 0)
    add(effect, "endratio", 1)
    add(effect, "reverse", "TRUE" if back else "FALSE")


def _dip(effect: Element, level: int) -> None:
    value = add(_parameter(effect, "dipcolor", None), "value")
    for name in ("alpha", "red", "green", "blue"):
        add(value, name, 255 if name == "alpha" else level)
