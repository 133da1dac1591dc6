"""What every EDL holds, looked at as a whole: all violations in one reply, each with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_core.edl import axis, pictures, sound
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.looks import check_looks
from beatstitch_core.edl.output import check_output
from beatstitch_core.edl.overlays import check_overlays
from beatstitch_core.edl.transitions import check_transitions
from beatstitch_core.limits import default_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.failure_pb2 import FieldViolation
    from beatstitch.v1.info_service_pb2 import Limits

EDL_VERSION = "1.0"


def validate_edl(
    edl: Edl, media: Mapping[str, ReadyMedia] | None = None, limits: Limits | None = None
) -> list[FieldViolation]:
    """All violations of the EDL's invariants; empty when it is valid.

    Args:
        edl: The document.
        media: The READY assets of the project by id, the song among them; None: assets are not
            looked at.
        limits: What may be asked for; the defaults when None.
    """
    limits = limits or default_limits()
    found = Findings()
    found.expect(edl.version == EDL_VERSION, "version", f'must be "{EDL_VERSION}"')
    found.expect(edl.project_id != "", "project_id", "must be given")
    countable = check_output(edl.output, limits, "output", found)
    # In a request 0 is read as 1; here it would give the same video a second hash.
    if countable and not edl.output.frame_rate.den:
        found.add("output.frame_rate", "den must be given, 1 for whole frames per second")
    sound.check_audio(edl.audio, media, found)
    if edl.beat_grid_sha256:
        found.expect_sha256(edl.beat_grid_sha256, "beat_grid_sha256")
    found.expect(
        1 <= len(edl.segments) <= limits.max_segments,
        "segments",
        f"must be 1 to {limits.max_segments} segments, not {len(edl.segments)}",
    )
    for i, segment in enumerate(edl.segments):
        at = f"segments[{i}]"
        if segment.index != i:
            found.expect_equal(segment.index, i, f"{at}.index")
        pictures.check_picture(segment, media, at, found)
        check_looks(segment, at, found)
        sound.check_clip_sound(segment, at, found)
    check_overlays(edl, media, found)
    if media is None:
        pictures.check_one_checksum_each(edl, found)
    if countable:
        axis.check_frames(edl, found)
        axis.check_cuts(edl, found)
        for i, segment in enumerate(edl.segments):
            axis.check_milliseconds(segment, edl.output.frame_rate, f"segments[{i}]", found)
    check_transitions(edl, found)
    return found.violations
