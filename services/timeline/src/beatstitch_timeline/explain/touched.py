"""Which edits touched a segment.

An edit is kept with the times on the song that its segments and beats had (see KeptEdit), so what
it touched can be told without doing all edits again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.timeline_edit_pb2 import KeptEdit

_STRETCHES = frozenset({"move", "insert", "trim", "roll", "merge"})
"""Edits that touch all between their times, and not only what lies at them."""
_EDGES = frozenset({"split", "trim", "roll", "delete", "insert"})
"""Edits that also touch the segment that ends at one of their times."""


def touching(edl: Edl, index: int, edits: Sequence[KeptEdit]) -> Iterator[int]:
    """The indices of the edits that touched a segment of an EDL, in order."""
    begin, end = song_range_us(edl, index)
    before = _begin_us(edl, index - 1) if index else begin
    for number, kept in enumerate(edits):
        if kept.anchor_us and (_touches(kept, begin, end) or _pushes(kept, before, begin)):
            yield number


def song_range_us(edl: Edl, index: int) -> tuple[int, int]:
    """From where to where on the song a segment is, in microseconds."""
    begin = _begin_us(edl, index)
    last = index + 1 == len(edl.segments)
    end = edl.audio.offset_us + edl.audio.duration_us if last else _begin_us(edl, index + 1)
    return begin, end


def _begin_us(edl: Edl, index: int) -> int:
    cut = edl.segments[index].cut
    if index == 0 or cut.rule == edl_pb2.CUT_RULE_START:
        return edl.audio.offset_us
    return cut.beat_time_us


def _touches(kept: KeptEdit, begin: int, end: int) -> bool:
    kind = kept.edit.WhichOneof("edit") or ""
    times = sorted(kept.anchor_us)
    if kind in _STRETCHES and times[0] < end and begin <= times[-1]:
        return True
    if kind in _EDGES and end in times:
        return True
    return any(begin <= time < end for time in times)


def _pushes(kept: KeptEdit, before: int, begin: int) -> bool:
    """Whether another length of the segment before moved this one's beginning."""
    longer = kept.edit.override.duration_beats > 0
    return longer and any(before <= time < begin for time in kept.anchor_us)
