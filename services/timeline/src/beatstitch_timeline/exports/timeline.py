"""A timeline as the file of an editing program."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import timeline_service_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.timeline_service_pb2 import ExportTimelineResponse
from beatstitch_core.canonical import canonical_json
from beatstitch_core.errors import field_error
from beatstitch_timeline.exports.cmx3600 import write_cmx3600
from beatstitch_timeline.exports.fcp7 import write_fcp7
from beatstitch_timeline.exports.fcpxml import write_fcpxml
from beatstitch_timeline.exports.names import file_name
from beatstitch_timeline.exports.otio import write_otio
from beatstitch_timeline.exports.project import project_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.timeline_service_pb2 import ExportFormat
    from beatstitch_timeline.exports.project import Project


class _Kind(NamedTuple):
    extension: str
    content_type: str
    write: Callable[[Project], bytes]


def _write_json(project: Project) -> bytes:
    return canonical_json(project.edl)


_KINDS = {
    timeline_service_pb2.EXPORT_FORMAT_OTIO: _Kind(".otio", "application/json", write_otio),
    timeline_service_pb2.EXPORT_FORMAT_FCPXML: _Kind(".fcpxml", "application/xml", write_fcpxml),
    timeline_service_pb2.EXPORT_FORMAT_FCP7_XML: _Kind(".xml", "application/xml", write_fcp7),
    timeline_service_pb2.EXPORT_FORMAT_CMX3600: _Kind(
        ".edl", "text/plain; charset=utf-8", write_cmx3600
    ),
    timeline_service_pb2.EXPORT_FORMAT_JSON: _Kind(".json", "application/json", _write_json),
}


def export_timeline(  # noqa: PLR0917 - as the request has them
    edl: Edl,
    grid: BeatGrid | None,
    media: Sequence[ReadyMedia],
    export_format: ExportFormat.ValueType,
    media_base_url: str = "",
    title: str = "",
) -> ExportTimelineResponse:
    """A timeline as the file of an editing program.

    Args:
        edl: The EDL; keeps all invariants.
        grid: The beats that it is cut to, for markers; None or empty for none.
        media: The assets that it names, the song among them.
        export_format: Which program's.
        media_base_url: Folder or URL under which the program finds the media by filename.
        title: Name of the project.

    Raises:
        BeatStitchError: FIELD_INVALID for an unknown format, an EDL without segments, and a frame
            rate that the format can't count.
    """
    if export_format not in _KINDS:
        raise field_error("format", f"unknown format {int(export_format)}")
    if not edl.segments:
        raise field_error("edl.segments", "there is nothing to export")
    kind = _KINDS[export_format]
    project = project_of(edl, grid or BeatGrid(), media, media_base_url, title)
    content = kind.write(project)
    lossless = export_format == timeline_service_pb2.EXPORT_FORMAT_JSON
    return ExportTimelineResponse(
        filename=file_name(title, kind.extension),
        content_type=kind.content_type,
        content=content,
        warnings=[] if lossless else project.notes.texts(),
    )
