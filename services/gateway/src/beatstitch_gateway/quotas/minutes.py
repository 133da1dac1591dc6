"""How much of the minutes of video a render or a stitch takes, as far as one knows. Pure."""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.job_pb2 import JobType
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.profiles import PREVIEW

PREVIEW_SHARE = 10
US_PER_MS = 1000
# Of a song that nobody has listened to yet.
USUAL_SONG_US = 240_000_000
RENDERS = (job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_TYPE_RENDER_FINAL)


def charged_ms(duration_us: int, job_type: JobType.ValueType) -> int:
    """What a video of a length counts, in milliseconds: a preview a tenth, at least one."""
    share = PREVIEW_SHARE if job_type == job_pb2.JOB_TYPE_RENDER_PREVIEW else 1
    return max(1, duration_us // (US_PER_MS * share))


def stitch_ms(song: Asset | None, settings: TimelineSettings, profile: RenderProfile) -> int:
    """What a stitch will count: the part of the song that it is to show; a guess without a song."""
    known = song.info.duration_us if song is not None else 0
    end_us = settings.audio_end_us or known or settings.audio_start_us + USUAL_SONG_US
    length_us = max(0, end_us - settings.audio_start_us)
    if profile.max_duration_us:
        length_us = min(length_us, profile.max_duration_us)
    preview = profile.name == PREVIEW
    kind: JobType.ValueType = RENDERS[0] if preview else RENDERS[1]
    return charged_ms(length_us, kind)
