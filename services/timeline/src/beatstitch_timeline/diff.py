"""What differs between two EDLs: which segments, which fields, on how many frames one sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_service_pb2
from beatstitch.v1.timeline_service_pb2 import DiffRevisionsResponse, SegmentChange
from beatstitch_timeline.seen import changed_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from beatstitch.v1.edl_pb2 import Edl, Segment
    from beatstitch.v1.timeline_pb2 import TimelineSettings

_ADDED = timeline_service_pb2.SEGMENT_CHANGE_KIND_ADDED
_REMOVED = timeline_service_pb2.SEGMENT_CHANGE_KIND_REMOVED
_CHANGED = timeline_service_pb2.SEGMENT_CHANGE_KIND_CHANGED
# A segment is known by the frame that it begins on; the indices are told beside it.
_INDEX = frozenset({"index"})
_SEGMENTS = frozenset({"segments"})


def diff(
    before: Edl, after: Edl, settings_before: TimelineSettings, settings_after: TimelineSettings
) -> DiffRevisionsResponse:
    """What differs between two revisions; linear in their segments.

    A segment that begins on the same frame and only has another index is not told.
    """
    return DiffRevisionsResponse(
        segments=_segments(before, after),
        settings=differing(settings_before, settings_after),
        edl=differing(before, after, without=_SEGMENTS),
        changed_frames=changed_frames(before, after),
    )


def differing(
    one: Message, other: Message, *, without: frozenset[str] = frozenset(), at: str = ""
) -> Iterator[str]:
    """The paths of the fields in which two messages of a type differ, in the order of the schema.

    Messages are looked into where both have them; lists are one field.
    """
    if one == other:
        return
    for field in one.DESCRIPTOR.fields:
        if field.name in without:
            continue
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.is_repeated or field.message_type is None:
            same = list(left) == list(right) if field.is_repeated else left == right
            if field.has_presence:
                same = same and one.HasField(field.name) == other.HasField(field.name)
            if not same:
                yield at + field.name
        elif one.HasField(field.name) and other.HasField(field.name):
            yield from differing(left, right, at=f"{at}{field.name}.")
        elif one.HasField(field.name) or other.HasField(field.name):
            yield at + field.name


def _segments(before: Edl, after: Edl) -> Iterator[SegmentChange]:
    olds, news = list(before.segments), list(after.segments)
    i = k = 0
    while i < len(olds) or k < len(news):
        old = olds[i] if i < len(olds) else None
        new = news[k] if k < len(news) else None
        if new is None or (old and old.timeline_in_frame < new.timeline_in_frame):
            yield SegmentChange(kind=_REMOVED, from_index=i, to_index=-1, before=old)
            i += 1
        elif old is None or new.timeline_in_frame < old.timeline_in_frame:
            yield SegmentChange(kind=_ADDED, from_index=-1, to_index=k, after=new)
            k += 1
        else:
            fields = list(_differing(old, new))
            if fields:
                yield SegmentChange(
                    kind=_CHANGED, from_index=i, to_index=k, fields=fields, before=old, after=new
                )
            i, k = i + 1, k + 1


def _differing(old: Segment, new: Segment) -> Iterator[str]:
    return differing(old, new, without=_INDEX)
