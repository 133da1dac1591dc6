"""What a timeline is built from, looked at before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.pictures import PICTURES
from beatstitch_core.edl.settings import check_settings
from beatstitch_core.errors import BeatStitchError, fields_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch.v1.timeline_pb2 import TimelineSettings


MAX_SONG_US = (
    86_400 * 1_000_000
)  # keeps every frame number inside 32 bits, at 120 frames per second


def song_length_us(audio: ReadyMedia, grid: BeatGrid) -> int:
    """The song's length: as decoded for its beats, else as probed."""
    return grid.duration_us or audio.info.duration_us


def check_inputs(
    project_id: str,
    audio: ReadyMedia,
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    limits: Limits,
) -> None:
    """Refuses what no timeline can be built from, all wrong fields in one error.

    Raises:
        BeatStitchError: FIELD_INVALID, or NO_READY_MEDIA where only media are missing.
    """
    found = Findings()
    found.expect(project_id != "", "project_id", "must be given")
    _check_song(audio, grid, found)
    first: dict[str, ReadyMedia] = {}
    for i, item in enumerate(media):
        _check_media(item, f"media[{i}]", found)
        found.expect(
            item.asset_id != audio.asset_id and first.setdefault(item.asset_id, item) == item,
            f"media[{i}].asset_id",
            "differs from an earlier entry of the same asset",
        )
    found.expect(
        len(media) <= limits.max_media_per_project,
        "media",
        f"must be at most {limits.max_media_per_project}, not {len(media)}",
    )
    found.violations += check_settings(settings, limits, song_us=song_length_us(audio, grid))
    if found.violations:
        raise fields_error(found.violations)
    if not media:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_NO_READY_MEDIA, "the project has no picture or clip to show"
        )


def _check_song(audio: ReadyMedia, grid: BeatGrid, found: Findings) -> None:
    found.expect(audio.asset_id != "", "audio.asset_id", "must be given")
    found.expect_sha256(audio.object.sha256, "audio.object.sha256")
    found.expect(
        audio.info.media_type in (common_pb2.MEDIA_TYPE_AUDIO, common_pb2.MEDIA_TYPE_UNSPECIFIED),
        "audio.info.media_type",
        "must be AUDIO",
    )
    found.expect(
        0 < song_length_us(audio, grid) <= MAX_SONG_US,
        "beat_grid.duration_us",
        "the song's length must be known, and be at most a day",
    )
    found.expect(
        grid.audio_sha256 in ("", audio.object.sha256),
        "beat_grid.audio_sha256",
        "the grid is of another song",
    )
    last = -1
    for i, beat in enumerate(grid.beats):
        found.expect(
            beat.time_us > last,
            f"beat_grid.beats[{i}].time_us",
            "must be above the beat before" if i else "must be 0 or more",
        )
        last = max(last, beat.time_us)


def _check_media(item: ReadyMedia, at: str, found: Findings) -> None:
    found.expect(item.asset_id != "", f"{at}.asset_id", "must be given")
    found.expect_sha256(item.object.sha256, f"{at}.object.sha256")
    kind = item.info.media_type
    found.expect(kind in PICTURES, f"{at}.info.media_type", "must be IMAGE or VIDEO")
    found.expect(
        kind != common_pb2.MEDIA_TYPE_VIDEO or item.info.duration_us > 0,
        f"{at}.info.duration_us",
        "a clip's length must be known",
    )
