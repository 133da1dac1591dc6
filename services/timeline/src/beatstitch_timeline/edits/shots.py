"""Shots: what slots show. A shot knows nothing of beats; it is brought to the slot that it is in.

Two things follow from a slot's length and are worked out anew for each slot that a shot comes to:
where in the clip it ends, as long as it ended where the slot did; and its speed, as long as it is
what the settings say. What a person or a client chose otherwise stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Segment, Speed
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_timeline import moves
from beatstitch_timeline.choice.fill import slowed
from beatstitch_timeline.edits import pace
from beatstitch_timeline.ramps import ramp_speed

if TYPE_CHECKING:
    from beatstitch_timeline.edits.context import Context
    from beatstitch_timeline.edits.slot import Place


class Shot:
    """A picture or a part of a clip.

    Attributes:
        segment: Says what is shown; its frames and cut mean nothing here.
        place: The room that source_out_us and speed were worked out for.
        own: Whether `segment` may be changed; else it is the EDL's that is edited.
        ends_with_slot: Whether source_out_us follows from the length; known when `own`.
        by_rule: Whether the speed follows from the settings; known when `own`.
    """

    __slots__ = ("by_rule", "ends_with_slot", "own", "place", "segment")

    def __init__(self, segment: Segment, place: Place, *, own: bool = False) -> None:
        self.segment, self.place, self.own = segment, place, own
        self.ends_with_slot = self.by_rule = True

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip and not an image."""
        return self.segment.media_type == common_pb2.MEDIA_TYPE_VIDEO

    def take(self, context: Context) -> Segment:
        """Makes the segment its own, to be changed."""
        if not self.own:
            copy = Segment()
            copy.CopyFrom(self.segment)
            self.segment, self.own = copy, True
            self.look(context)
        return self.segment

    def look(self, context: Context) -> None:
        """Sees what of the segment follows from its length."""
        if self.is_clip:
            wanted = _speed(self, context)
            self.by_rule = self.segment.speed == wanted
            self.ends_with_slot = self.segment.source_out_us == _end_us(self, context)

    def fit(self, context: Context, place: Place) -> Segment:
        """Brings it to a slot."""
        segment = self.take(context)
        self.place = place
        if self.is_clip:
            speed = _speed(self, context) if self.by_rule else segment.speed
            if speed.points and speed.points[-1].frame > place.frames:
                speed = pace.first_part(speed, place.frames)
            _set_speed(segment, speed)
            if self.ends_with_slot:
                segment.source_out_us = _end_us(self, context)
        return segment

    def copy(self) -> Shot:
        """Another one of the same."""
        segment = Segment()
        segment.CopyFrom(self.segment)
        twin = Shot(segment, self.place, own=True)
        twin.by_rule, twin.ends_with_slot = self.by_rule, self.ends_with_slot
        return twin


def shift(shot: Shot, context: Context, frames: int) -> int:
    """Lets an own clip begin with what it shows in a frame, 0 being its first; may be negative.

    Returns:
        How many microseconds of the clip are missing before it; 0 where it could be done.
    """
    segment = shot.segment
    offset = source_offset_us(segment.speed, frames, context.rate)
    length = segment.source_out_us - segment.source_in_us
    if offset >= length:
        # It begins again, or stands at its last moment.
        offset = offset % length if segment.fill != edl_pb2.FILL_POLICY_HOLD else length - 1
    begin = segment.source_in_us + offset
    segment.source_in_us = max(begin, 0)
    if not shot.by_rule:
        _set_speed(segment, pace.later_part(segment.speed, frames))
    return max(-begin, 0)


def cut_in_two(shot: Shot, context: Context, at: int) -> Shot:
    """Cuts an own shot that fits its slot; both parts are still to be brought to their slots.

    Args:
        shot: The shot; it is the first part afterwards.
        context: The song.
        at: First frame of the rest, 1 to the shot's frames - 1.

    Returns:
        The rest.
    """
    rest, segment = shot.copy(), shot.segment
    if segment.effect.HasField("ken_burns"):
        one, other = moves.split_move(segment.effect.ken_burns, at, shot.place.frames)
        segment.effect.ken_burns.CopyFrom(one)
        rest.segment.effect.ken_burns.CopyFrom(other)
    if shot.is_clip:
        # Both go on as they ran, whatever the settings would say of parts so long.
        shot.by_rule = rest.by_rule = False
        shift(rest, context, at)
    return rest


def goes_on(first: Shot, second: Shot, context: Context) -> bool:
    """Makes an own shot go on over the time of one that was cut from it, if it was.

    It is as long as both then, its source_out_us to be worked out.
    """
    one, other = first.segment, second.segment
    at = first.place.frames
    if one.media_sha256 != other.media_sha256 or one.fit != other.fit:
        return False
    if first.is_clip:
        whole = pace.joined(one.speed, other.speed, at)
        if whole is None:
            return False
        # By the whole speed: where a ramp was cut, its halves are rounded.
        if one.source_in_us + source_offset_us(whole, at, context.rate) != other.source_in_us:
            return False
        _set_speed(one, whole)
    elif one.effect.HasField("ken_burns") and other.effect.HasField("ken_burns"):
        both = one.effect.ken_burns, other.effect.ken_burns
        move = moves.joined_move(*both, at, at + second.place.frames)
        if move is None:
            return False
        one.effect.ken_burns.CopyFrom(move)
    else:
        return one.effect == other.effect
    return True


def need_us(speed: Speed, frames: int, context: Context) -> int:
    """How much of a clip so many frames show, in microseconds; at least 1."""
    return max(1, source_offset_us(speed, frames, context.rate))


def _end_us(shot: Shot, context: Context) -> int:
    """Where a clip ends that ends with its slot, or before it where there is no more of it."""
    segment = shot.segment
    end = segment.source_in_us + need_us(
        segment.speed, shot.place.frames + shot.place.tail, context
    )
    limit = context.limit_us(segment.media_asset_id, segment.source_in_us)
    if limit is None:
        limit = segment.source_out_us
    fits = context.settings.fill == edl_pb2.FILL_POLICY_SPEED_FIT
    if fits and shot.by_rule and len(segment.speed.points) == 1:
        # It runs so slowly that it is shown to its end, but for what the speed was rounded.
        end = limit
    return max(min(end, limit), segment.source_in_us + 1)


def _speed(shot: Shot, context: Context) -> Speed:
    """What the settings say of a clip's speed in a slot; without points it is normal."""
    segment, settings, place = shot.segment, context.settings, shot.place
    limit = context.limit_us(segment.media_asset_id, segment.source_in_us)
    have = (limit or segment.source_out_us) - segment.source_in_us
    if settings.speed_ramp.peak_permille and not place.last:
        ramped = ramp_speed(settings.speed_ramp, place.frames, context.rate)
        if ramped is not None and need_us(ramped, place.frames, context) <= have:
            return ramped
    fits = settings.fill == edl_pb2.FILL_POLICY_SPEED_FIT
    if fits and 0 < have < need_us(Speed(), place.frames, context):
        return slowed(have, place.frames + place.tail, context.rate)
    return Speed()


def _set_speed(segment: Segment, speed: Speed) -> None:
    if speed.points:
        segment.speed.CopyFrom(speed)
    else:
        segment.ClearField("speed")
