"""Title, end card and watermark as overlays of an EDL."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Overlay, UnitPoint, UnitRect
from beatstitch_core.edl.overlays import MAX_LINE_HEIGHT, MIN_LINE_HEIGHT
from beatstitch_core.edl.pictures import UNIT
from beatstitch_core.errors import field_error
from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_timeline.sound import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch.v1.timeline_rules_pb2 import Card, Watermark

_FADE_S = Fraction(1, 2)
# Shares of the frame's shorter side.
_LINE = Fraction(1, 10)
_MARGIN = Fraction(1, 32)
_MIDDLE = UnitPoint(x=UNIT // 2, y=UNIT // 2)
_RIGHT = frozenset({timeline_rules_pb2.CORNER_BOTTOM_RIGHT, timeline_rules_pb2.CORNER_TOP_RIGHT})
_BELOW = frozenset({timeline_rules_pb2.CORNER_BOTTOM_RIGHT, timeline_rules_pb2.CORNER_BOTTOM_LEFT})


def overlays_of(settings: TimelineSettings, end: int, mark: ReadyMedia | None) -> Iterator[Overlay]:
    """What lies over a video, the watermark above all.

    Args:
        settings: With all fields given.
        end: The video's length in frames.
        mark: The watermark's picture, see `watermark_of`.
    """
    if settings.title.text:
        count = _frames(settings.title, settings.output, end)
        yield _card(settings.title, settings.output, 0, count)
    if settings.end_card.text:
        count = _frames(settings.end_card, settings.output, end)
        yield _card(settings.end_card, settings.output, end - count, end)
    if mark is not None:
        overlay = Overlay(in_frame=0, out_frame=end)
        overlay.picture.media_asset_id = mark.asset_id
        overlay.picture.media_sha256 = mark.object.sha256
        overlay.picture.place.CopyFrom(_corner(settings.watermark, mark, settings.output))
        overlay.picture.opacity = in_units(settings.watermark.opacity_permille)
        yield overlay


def watermark_of(
    settings: TimelineSettings, media: Sequence[ReadyMedia], given: ReadyMedia | None
) -> ReadyMedia | None:
    """The picture that the settings name; None where they name none.

    Args:
        settings: As sent or with all fields given.
        media: What segments show; the picture may be among it.
        given: The picture, where it is not.

    Raises:
        BeatStitchError: FIELD_INVALID when it is not there or not a picture.
    """
    wanted = settings.watermark.media_asset_id
    if not wanted:
        return None
    for item in (given, *media):
        if item is None or item.asset_id != wanted:
            continue
        if item.info.media_type == common_pb2.MEDIA_TYPE_IMAGE and len(item.object.sha256) == 64:
            return item
    raise field_error("settings.watermark.media_asset_id", "must be a READY picture of the project")


def _frames(card: Card, output: OutputFormat, end: int) -> int:
    wanted = rate_fraction(output.frame_rate) * card.duration_ms / 1000
    return min(max(1, round_half_up(wanted)), end)


def _card(card: Card, output: OutputFormat, begin: int, end: int) -> Overlay:
    fade = round_half_up(rate_fraction(output.frame_rate) * _FADE_S)
    overlay = Overlay(in_frame=begin, out_frame=end, fade_frames=min(fade, (end - begin) // 2))
    text = overlay.text
    text.text, text.rgb = card.text, card.rgb
    line = _LINE * min(output.width, output.height) / output.height * UNIT
    text.line_height = min(max(round_half_up(line), MIN_LINE_HEIGHT), MAX_LINE_HEIGHT)
    text.centre.CopyFrom(_MIDDLE)
    text.veil_opacity = in_units(card.veil_permille)
    return overlay


def _corner(mark: Watermark, picture: ReadyMedia, output: OutputFormat) -> UnitRect:
    """As wide as the settings say and as high as the picture's shape asks for, a margin around."""
    margin = _MARGIN * min(output.width, output.height)
    aspect = Fraction(max(1, picture.info.width), max(1, picture.info.height))
    wide = Fraction(output.width * mark.width_permille, 1000)
    wide = min(wide, output.width - 2 * margin, (output.height - 2 * margin) * aspect)
    w, h = _unit(wide, output.width), _unit(wide / aspect, output.height)
    aside, above = _unit(margin, output.width), _unit(margin, output.height)
    return UnitRect(
        x=max(0, UNIT - aside - w) if mark.corner in _RIGHT else aside,
        y=max(0, UNIT - above - h) if mark.corner in _BELOW else above,
        w=w,
        h=h,
    )


def _unit(length: Fraction, side: int) -> int:
    return max(1, round_half_up(length * UNIT / side))
