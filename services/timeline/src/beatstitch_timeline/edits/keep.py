"""Edits as they are kept: with the places on the song that they meant, and found again by them."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING

from beatstitch.v1.timeline_edit_pb2 import BeatTarget, KeptEdit, TimelineEdit
from beatstitch_timeline.edits.families import BEATS, places
from beatstitch_timeline.edits.refused import Refused, seconds

if TYPE_CHECKING:
    from beatstitch_timeline.edits.draft import Draft

_TIME = attrgetter("time_us")


def kept(draft: Draft, edit: TimelineEdit) -> KeptEdit:
    """An edit as it is to be kept, before it is done.

    Raises:
        Refused: It names a segment or a beat that isn't there.
    """
    anchors = []
    for name in places(edit):
        value = getattr(getattr(edit, edit.WhichOneof("edit") or ""), name)
        if name in BEATS:
            anchors.append(draft.context.beats.times[draft.context.beats.target(value, name)])
        else:
            anchors.append(draft.axis.starts_us(draft.check(value, name)))
    return KeptEdit(edit=edit, anchor_us=anchors)


def found_again(draft: Draft, old: KeptEdit) -> tuple[TimelineEdit, KeptEdit]:
    """A kept edit in another timeline.

    Returns:
        The edit with today's segment indices and beats, to be done; and as it is to be kept.

    Raises:
        Refused: A segment or a beat that it meant is gone.
    """
    names = places(old.edit)
    if len(names) != len(old.anchor_us) or not names:
        raise Refused("it was kept without the places that it meant")
    today, again = TimelineEdit(), KeptEdit(edit=old.edit)
    today.CopyFrom(old.edit)
    which = old.edit.WhichOneof("edit") or ""
    doing, keeping = getattr(today, which), getattr(again.edit, which)
    for name, anchor_us in zip(names, old.anchor_us, strict=True):
        if name in BEATS:
            beat = _beat(draft, anchor_us)
            getattr(doing, name).CopyFrom(BeatTarget(beat_index=beat))
            if getattr(keeping, name).WhichOneof("place") == "beat_index":
                getattr(keeping, name).beat_index = beat
            again.anchor_us.append(draft.context.beats.times[beat])
        else:
            index = _segment(draft, anchor_us)
            setattr(doing, name, index)
            setattr(keeping, name, index)
            again.anchor_us.append(draft.axis.starts_us(index))
    return today, again


def _segment(draft: Draft, anchor_us: int) -> int:
    """The segment that begins at a time, or within half a beat of it."""
    axis = draft.axis
    right = bisect_left(axis.slots, anchor_us, key=_TIME)
    near = range(max(right - 1, 0), min(right + 2, len(axis)))
    index = min(near, key=lambda i: abs(axis.starts_us(i) - anchor_us))
    if not _is_near(draft, axis.starts_us(index), anchor_us):
        raise Refused(f"no segment begins at {seconds(anchor_us)} any more")
    return index


def _beat(draft: Draft, anchor_us: int) -> int:
    """The beat that is nearest to a time, and within half a beat of it."""
    beats = draft.context.beats
    if not beats.times:
        raise Refused("the song has no beats any more")
    index = beats.nearest(anchor_us)
    if not _is_near(draft, beats.times[index], anchor_us):
        raise Refused(f"no beat is near {seconds(anchor_us)} any more")
    return index


def _is_near(draft: Draft, time_us: int, anchor_us: int) -> bool:
    return 2 * abs(time_us - anchor_us) <= draft.context.beats.period_us(anchor_us)
