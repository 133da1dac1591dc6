"""How revisions follow one another. Pure.

Revisions are never changed and never taken away: undo appends one too. Each says in which revision
its content was made, so that the way back goes from change to change however often somebody went
back and forth:

    1 GENERATED ◀─ 2 EDITED ◀─ 3 EDITED      4 UNDO (of 2's content)      5 UNDO (of 1's)
                                                redo [3]                     redo [3, 2]
    6 REDO (of 2's), redo [3]                7 EDITED: redo [], undo leads to 2's content
"""

from __future__ import annotations

from beatstitch.v1 import failure_pb2, timeline_pb2
from beatstitch.v1.timeline_pb2 import RevisionOrigin, Timeline
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db.timelines import TimelineRow

_BACK_AND_FORTH = (timeline_pb2.REVISION_ORIGIN_UNDO, timeline_pb2.REVISION_ORIGIN_REDO)


def content_of(timeline: Timeline) -> int:
    """The revision that made this one's content: an undo and a redo make none of their own."""
    if timeline.origin in _BACK_AND_FORTH:
        return timeline.content_revision
    return timeline.revision


def begin(
    project_id: str, newest: Timeline | None, origin: RevisionOrigin.ValueType, edl_hash: str
) -> Timeline:
    """A new revision after the newest one, without settings, inputs and counts; not stored."""
    timeline = Timeline(
        id=new_id(),
        project_id=project_id,
        revision=1,
        edl_hash=edl_hash,
        origin=origin,
    )
    if newest is not None:
        timeline.parent_revision = newest.revision
        timeline.revision = newest.revision + 1
    timeline.create_time.GetCurrentTime()
    return timeline


def again(newest: Timeline, source: TimelineRow, origin: RevisionOrigin.ValueType) -> TimelineRow:
    """A new revision with the content of an old one; not stored, `redo_revisions` not set."""
    old = source.timeline
    timeline = begin(old.project_id, newest, origin, old.edl_hash)
    timeline.content_revision = old.revision
    timeline.settings.CopyFrom(old.settings)
    if old.HasField("inputs"):
        timeline.inputs.CopyFrom(old.inputs)
    timeline.edit_count = old.edit_count
    timeline.dropped_edit_count = old.dropped_edit_count
    return TimelineRow(
        timeline=timeline,
        edl=source.edl,
        edl_object=source.edl_object,
        edits=source.edits,
        beat_grid=source.beat_grid,
        build_revision=source.build_revision,
    )


def undone(newest: Timeline, change: Timeline, source: TimelineRow) -> TimelineRow:
    """The revision that takes a change back.

    Args:
        newest: The newest revision.
        change: The one that made its content.
        source: The one that made the content before.
    """
    row = again(newest, source, timeline_pb2.REVISION_ORIGIN_UNDO)
    row.timeline.redo_revisions[:] = [*newest.redo_revisions, change.revision]
    return row


def redone(newest: Timeline, source: TimelineRow) -> TimelineRow:
    """The revision that takes an undo back; `source` is the last of newest's redo_revisions."""
    row = again(newest, source, timeline_pb2.REVISION_ORIGIN_REDO)
    row.timeline.redo_revisions[:] = newest.redo_revisions[:-1]
    return row


def nothing_to(what: str, project_id: str) -> BeatStitchError:
    """NOTHING_TO_UNDO; `what` is "undo" or "redo"."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_NOTHING_TO_UNDO,
        f"there is nothing to {what}",
        metadata={"project_id": project_id},
    )
