"""The edit that shows another part of the same clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_timeline.edits.refused import Refused
from beatstitch_timeline.edits.shots import need_us

if TYPE_CHECKING:
    from beatstitch.v1.timeline_edit_pb2 import SlipSegment
    from beatstitch_timeline.edits.draft import Draft


def slip(draft: Draft, edit: SlipSegment) -> None:
    """Moves the part of the clip that is shown, inside the clip."""
    index = draft.check(edit.segment_index)
    shot = draft.shot(index)
    if not shot.is_clip:
        raise Refused(f"segment_index: segment {index} shows a picture; only clips can be slipped")
    segment, context = shot.segment, draft.context
    item = context.media.get(segment.media_asset_id)
    if item is None:
        raise Refused(f"segment_index: the clip of segment {index} is no longer in the project")
    begin, end = segment.source_in_us, segment.source_out_us
    shown = min(end - begin, need_us(segment.speed, shot.place.frames, context))
    most = max(item.info.duration_us - shown - begin, 0)
    if not -begin <= edit.delta_us <= most:
        raise Refused(f"delta_us: must be {-begin} to {most} to stay in the clip")
    segment.source_in_us += edit.delta_us
    segment.source_out_us = min(end + edit.delta_us, item.info.duration_us)
    draft.refit(index)
