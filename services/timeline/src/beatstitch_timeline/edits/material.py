"""New shots: a picture or clip that a person names, as the settings let such segments be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Segment
from beatstitch_core.edl.pictures import PICTURES
from beatstitch_timeline.choice.fill import filled
from beatstitch_timeline.edits.refused import Refused, seconds
from beatstitch_timeline.edits.shots import Shot
from beatstitch_timeline.framing import focus_of
from beatstitch_timeline.motion import image_effect
from beatstitch_timeline.sound import clip_gain

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.timeline_pb2 import ImageMotion
    from beatstitch_timeline.edits.context import Context
    from beatstitch_timeline.edits.slot import Place


def find_media(context: Context, asset_id: str, source_in_us: int) -> ReadyMedia:
    """The picture or clip that an edit names.

    Raises:
        Refused: There is none, or it doesn't reach to source_in_us.
    """
    item = context.media.get(asset_id)
    if item is None or item.info.media_type not in PICTURES:
        raise Refused(f"media_asset_id: {asset_id!r} is not a READY picture or clip of the project")
    if item.info.media_type == common_pb2.MEDIA_TYPE_IMAGE:
        if source_in_us != 0:
            raise Refused("source_in_us: must be 0 for a picture")
    elif not 0 <= source_in_us < item.info.duration_us:
        raise Refused(
            f"source_in_us: must lie in the clip, 0 to {item.info.duration_us - 1} "
            f"({seconds(item.info.duration_us)}), not at {source_in_us}"
        )
    return item


def new_shot(
    context: Context, item: ReadyMedia, source_in_us: int, index: int, place: Place
) -> Shot:
    """A shot of media that were found, brought to its slot."""
    settings = context.settings
    segment = Segment(
        media_asset_id=item.asset_id,
        media_sha256=item.object.sha256,
        media_type=item.info.media_type,
        fit=settings.fit,
    )
    if segment.fit == edl_pb2.FIT_FOCUS:
        segment.focus.CopyFrom(focus_of(item))
    shot = Shot(segment, place, own=True)
    if shot.is_clip:
        segment.fill = filled(settings.fill)
        segment.source_in_us = source_in_us
        gain = clip_gain(settings, item)
        if gain:
            segment.sound.gain = gain
    else:
        set_motion(context, segment, item, index, settings.image_motion)
    shot.fit(context, place)
    return shot


def set_motion(
    context: Context,
    segment: Segment,
    item: ReadyMedia,
    index: int,
    motion: ImageMotion.ValueType,
) -> None:
    """Lets a picture move."""
    effect = image_effect(
        motion,
        item,
        seed=context.settings.seed,
        index=index,
        output=context.output,
        fit=segment.fit,
    )
    if effect is None:
        segment.ClearField("effect")
    else:
        segment.effect.CopyFrom(effect)
