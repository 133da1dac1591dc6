"""NOT_FOUND, said the same way for no such id, a malformed one and another tenant's."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id

_SHOWN = 64  # characters of the caller's text that come back in the message


def not_found(reason: ErrorReason.ValueType, what: str, name: str) -> BeatStitchError:
    """The error for `what` (for people) by the name that the caller gave."""
    return BeatStitchError(
        reason, f"no such {what}: {name[:_SHOWN]!r}", metadata={f"{what}_id": name[:_SHOWN]}
    )


def no_project(project_id: str) -> BeatStitchError:
    """PROJECT_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_PROJECT_NOT_FOUND, "project", project_id)


def no_asset(asset_id: str) -> BeatStitchError:
    """ASSET_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_ASSET_NOT_FOUND, "asset", asset_id)


def no_job(job_id: str) -> BeatStitchError:
    """JOB_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_JOB_NOT_FOUND, "job", job_id)


def no_render(render_id: str) -> BeatStitchError:
    """RENDER_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_RENDER_NOT_FOUND, "render", render_id)


def known_ids(ids: list[str]) -> list[str]:
    """Those that can name a row at all; the database refuses to compare with others."""
    return [item for item in ids if is_id(item)]
