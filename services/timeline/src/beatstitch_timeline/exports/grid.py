"""A beat grid as a file of other programs."""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.v1 import analysis_service_pb2
from beatstitch.v1.analysis_service_pb2 import ExportBeatGridResponse
from beatstitch_core.canonical import canonical_json
from beatstitch_core.errors import field_error
from beatstitch_core.timebase import US_PER_S
from beatstitch_timeline.exports.markers import bar_starts
from beatstitch_timeline.exports.midi import write_midi
from beatstitch_timeline.exports.names import clean, file_name

if TYPE_CHECKING:
    from beatstitch.v1.analysis_service_pb2 import BeatGridFormat
    from beatstitch.v1.beat_grid_pb2 import BeatGrid, Section

CSV_HEAD = ("time_s", "beat_number", "downbeat", "bar", "section")
_KINDS = {
    analysis_service_pb2.BEAT_GRID_FORMAT_JSON: (".json", "application/json"),
    analysis_service_pb2.BEAT_GRID_FORMAT_CSV: (".csv", "text/csv; charset=utf-8"),
    analysis_service_pb2.BEAT_GRID_FORMAT_AUDACITY: (".txt", "text/plain; charset=utf-8"),
    analysis_service_pb2.BEAT_GRID_FORMAT_MIDI: (".mid", "audio/midi"),
}


def export_grid(
    grid: BeatGrid, export_format: BeatGridFormat.ValueType, title: str = ""
) -> ExportBeatGridResponse:
    """A beat grid as a file.

    Args:
        grid: The grid.
        export_format: Which kind of file; unspecified is JSON.
        title: Name of the song.

    Raises:
        BeatStitchError: FIELD_INVALID for an unknown format, or a grid whose beats or bars are not
            in order.
    """
    _check(grid)
    chosen = export_format or analysis_service_pb2.BEAT_GRID_FORMAT_JSON
    if chosen not in _KINDS:
        raise field_error("format", f"unknown format {int(export_format)}")
    extension, content_type = _KINDS[chosen]
    if chosen == analysis_service_pb2.BEAT_GRID_FORMAT_CSV:
        content = write_csv(grid)
    elif chosen == analysis_service_pb2.BEAT_GRID_FORMAT_AUDACITY:
        content = write_audacity(grid)
    elif chosen == analysis_service_pb2.BEAT_GRID_FORMAT_MIDI:
        content = write_midi(grid, title)
    else:
        content = canonical_json(grid)
    name = file_name(title or "beats", extension)
    return ExportBeatGridResponse(filename=name, content_type=content_type, content=content)


def write_csv(grid: BeatGrid) -> bytes:
    """A header line, then a line per beat; bars count from 1, beats before them are in bar 0."""
    starts, text = bar_starts(grid), io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(CSV_HEAD)
    ends = [section.end_us for section in grid.sections]
    for index, beat in enumerate(grid.beats):
        at = bisect_right(ends, beat.time_us)
        name = _name(grid.sections[at]) if at < len(grid.sections) else ""
        table.writerow(
            (
                _seconds(beat.time_us),
                beat.beat_number,
                int(beat.is_downbeat),
                bisect_right(starts, index),
                _cell(name),
            )
        )
    return text.getvalue().encode()


def write_audacity(grid: BeatGrid) -> bytes:
    """A label per beat ("bar.beat"), a ranged one per section; tabs between the fields."""
    starts = bar_starts(grid)
    labels = [(item.start_us, item.end_us, _name(item)) for item in grid.sections]
    for index, beat in enumerate(grid.beats):
        bar = bisect_right(starts, index)
        first = starts[bar - 1] if bar else 0
        labels.append((beat.time_us, beat.time_us, f"{bar}.{index - first + 1}"))
    labels.sort(key=lambda label: (label[0], -label[1]))
    lines = (f"{_seconds(begin)}\t{_seconds(end)}\t{name}\n" for begin, end, name in labels)
    return "".join(lines).encode()


def _name(section: Section) -> str:
    return clean(section.name) or clean(section.label, "section")


def _cell(text: str) -> str:
    """A text that a spreadsheet doesn't take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _seconds(time_us: int) -> str:
    """Seconds with six digits, exactly."""
    return f"{time_us // US_PER_S}.{time_us % US_PER_S:06}"


def _check(grid: BeatGrid) -> None:
    """Nothing, when the grid is one: a client may have sent it."""
    for index, (one, other) in enumerate(pairwise([-1, *(b.time_us for b in grid.beats)])):
        if other <= one:
            raise field_error(f"beat_grid.beats[{index}].time_us", "beats have to be in order")
    last = -1
    for index, bar in enumerate(grid.bars):
        if not last < bar.first_beat_index < len(grid.beats):
            raise field_error(
                f"beat_grid.bars[{index}].first_beat_index", "bars have to begin at beats, in order"
            )
        last = bar.first_beat_index
