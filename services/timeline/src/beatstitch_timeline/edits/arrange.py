"""Edits that bring pictures to other slots; cuts stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beatstitch.v1.timeline_edit_pb2 import MoveSegment, SwapSegments
    from beatstitch_timeline.edits.draft import Draft


def move(draft: Draft, edit: MoveSegment) -> None:
    """Takes a picture out and puts it in elsewhere; those between move up."""
    source = draft.check(edit.segment_index)
    target = draft.check(edit.to_index, "to_index")
    draft.shots.insert(target, draft.shots.pop(source))


def swap(draft: Draft, edit: SwapSegments) -> None:
    """Exchanges two pictures."""
    one = draft.check(edit.segment_index)
    other = draft.check(edit.other_index, "other_index")
    shots = draft.shots
    shots[one], shots[other] = shots[other], shots[one]
