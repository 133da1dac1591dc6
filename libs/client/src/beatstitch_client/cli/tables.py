"""Timelines as people read them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from beatstitch.v1.common_pb2 import MediaType
from beatstitch.v1.edl_pb2 import CutRule, TransitionType
from beatstitch.v1.timeline_pb2 import RevisionOrigin, StaleKind
from beatstitch.v1.timeline_service_pb2 import SegmentChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from beatstitch.v1.edl_pb2 import Segment
    from beatstitch.v1.timeline_pb2 import Timeline
    from beatstitch.v1.timeline_service_pb2 import (
        DiffRevisionsResponse,
        ExplainCutResponse,
        GetTimelineResponse,
        SegmentChange,
    )

MOST_SEGMENTS = 40
_ID = 8  # characters of an id or a hash that are enough to tell it from its neighbours


def show_timeline(
    state: GetTimelineResponse, names: Mapping[str, str], *, most: int | None = MOST_SEGMENTS
) -> None:
    """A revision, up to `most` of its segments, and what has changed since.

    Args:
        state: The revision.
        names: File names by asset id, here and below; what has none is shown by its id.
        most: How many segments; None for all.
    """
    timeline, console = state.timeline, Console()
    edl = timeline.edl
    rate = edl.output.frame_rate
    console.print(escape(revision_line(timeline)))
    console.print(
        f"{edl.output.width}×{edl.output.height}, {rate.num}/{rate.den or 1} fps, "
        f"{len(edl.segments)} segments, {edl.audio.duration_us / 1e6:.2f} s"
    )
    table = _table("#", "from", "to", "media", "type", "beat", "why", "way in")
    for segment in edl.segments[:most]:
        table.add_row(*_cells(segment, names))
    console.print(table)
    left = len(edl.segments) - len(edl.segments[:most])
    if left:
        console.print(f"… and {left} more: --all shows them")
    for dropped in state.dropped_edits:
        console.print(f"found no place: {escape(dropped.message)}")
    for reason in state.stale:
        console.print(f"stale ({_name(StaleKind.Name(reason.kind))}): {escape(reason.message)}")


def show_revisions(timelines: Iterable[Timeline]) -> None:
    """Revisions, a line each."""
    table = _table("revision", "made", "by", "from", "content of", "edits", "edl_hash")
    for timeline in timelines:
        table.add_row(
            str(timeline.revision),
            timeline.create_time.ToDatetime().isoformat(" ", "seconds"),
            _name(RevisionOrigin.Name(timeline.origin)),
            str(timeline.parent_revision or ""),
            str(timeline.content_revision or ""),
            str(timeline.edit_count or ""),
            timeline.edl_hash[:_ID],
        )
    Console().print(table)


def show_explanation(answer: ExplainCutResponse, names: Mapping[str, str]) -> None:
    """Why a segment is as it is."""
    console = Console()
    console.print(escape(f"begins {_place(answer)}"))
    path = f" ({answer.rule_path})" if answer.rule_path else ""
    console.print(escape(f"cut: {answer.rule}{path}"))
    console.print(escape(f"shows {_file(answer.segment.media_asset_id, names)}: {answer.choice}"))
    if answer.edit_indices:
        numbers = ", ".join(str(index) for index in answer.edit_indices)
        console.print(f"touched by edits {numbers}")
    if answer.candidates:
        table = _table("media", "score", "made of", "left out")
        for candidate in answer.candidates:
            made_of = ", ".join(
                f"{term.name} {term.permille:+d}" for term in candidate.terms if term.permille
            )
            table.add_row(
                escape(_file(candidate.asset_id, names)),
                str(candidate.score_permille),
                made_of,
                escape(candidate.excluded),
            )
        console.print(table)


def show_diff(answer: DiffRevisionsResponse, names: Mapping[str, str]) -> None:
    """What differs between two revisions."""
    console = Console()
    for title, paths in (("settings", answer.settings), ("EDL", answer.edl)):
        if paths:
            console.print(f"{title}: {escape(', '.join(paths))}")
    if answer.segments:
        table = _table("what", "#", "was", "is", "fields")
        for change in answer.segments:
            table.add_row(*_change(change, names))
        console.print(table)
    elif not (answer.settings or answer.edl):
        console.print("nothing differs")
    console.print(f"{answer.changed_frames} frames show something else")


def revision_line(timeline: Timeline) -> str:
    """A revision in a line."""
    origin = _name(RevisionOrigin.Name(timeline.origin))
    content = f" of {timeline.content_revision}" if timeline.content_revision else ""
    edits = f", {timeline.edit_count} edits" if timeline.edit_count else ""
    return f"revision {timeline.revision} ({origin}{content}{edits})  {timeline.edl_hash}"


def warn(warnings: Sequence[str]) -> None:
    """Warnings, on standard error."""
    for text in warnings:
        print(f"warning: {text}", file=sys.stderr)


def _table(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _cells(segment: Segment, names: Mapping[str, str]) -> tuple[str, ...]:
    way = _name(TransitionType.Name(segment.transition_in.type))
    frames = f" {segment.transition_in.frames}" if segment.transition_in.frames else ""
    return (
        str(segment.index),
        f"{segment.timeline_in_ms / 1000:.3f}",
        f"{segment.timeline_out_ms / 1000:.3f}",
        escape(_file(segment.media_asset_id, names)),
        _name(MediaType.Name(segment.media_type)),
        str(segment.cut.beat_index) if segment.cut.beat_index >= 0 else "",
        _name(CutRule.Name(segment.cut.rule)),
        way + frames,
    )


def _change(change: SegmentChange, names: Mapping[str, str]) -> tuple[str, ...]:
    index = change.to_index if change.to_index >= 0 else change.from_index
    before, after = (
        escape(_file(segment.media_asset_id, names)) if segment is not None else ""
        for segment in (
            change.before if change.HasField("before") else None,
            change.after if change.HasField("after") else None,
        )
    )
    kind = _name(SegmentChangeKind.Name(change.kind))
    return kind, str(index), before, after, ", ".join(_what_differs(change.fields))


def _what_differs(paths: Iterable[str]) -> list[str]:
    """Fields that differ, without their inner parts and without what only follows from others."""
    fields = dict.fromkeys(path.split(".", 1)[0] for path in paths)
    return [_SHORT.get(field, field) for field in fields if field not in _FOLLOWS]


def _file(asset_id: str, names: Mapping[str, str]) -> str:
    return names.get(asset_id) or asset_id


def _place(answer: ExplainCutResponse) -> str:
    """Where a segment begins, as musicians count: bars from 1."""
    section = answer.section.name or answer.section.label
    inside = f", section {section}" if answer.HasField("section") else ""
    if not answer.HasField("beat"):
        return f"at {answer.segment.timeline_in_ms / 1000:.3f} s{inside}"
    bar = f" of bar {answer.bar_index + 1}" if answer.bar_index >= 0 else " before the first bar"
    late = f"{abs(answer.frame_error_us) / 1000:.1f} ms {_side(answer.frame_error_us)} the beat"
    return f"on beat {answer.beat.beat_number}{bar}{inside}; its frame is {late}"


def _side(error_us: int) -> str:
    return "after" if error_us >= 0 else "before"


def _name(full: str) -> str:
    """The last words of an enum value's name: "fade black" of TRANSITION_TYPE_FADE_BLACK."""
    for prefix in _PREFIXES:
        if full.startswith(prefix):
            return full.removeprefix(prefix).replace("_", " ").lower()
    return full.lower()


_PREFIXES = (
    "TRANSITION_TYPE_",
    "REVISION_ORIGIN_",
    "STALE_KIND_",
    "CUT_RULE_",
    "MEDIA_TYPE_",
    "SEGMENT_CHANGE_KIND_",
)
_SHORT = {
    "media_asset_id": "media",
    "timeline_in_frame": "in",
    "timeline_out_frame": "out",
    "source_in_us": "source in",
    "source_out_us": "source out",
    "transition_in": "way in",
}
_FOLLOWS = frozenset(
    {"media_sha256", "media_type", "timeline_in_ms", "timeline_out_ms", "render_duration_ms"}
)
