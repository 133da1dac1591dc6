"""Which files a project takes."""

from __future__ import annotations

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.common_pb2 import MediaType
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_gateway.settings import GatewaySettings


def limits_of(settings: GatewaySettings) -> Limits:
    """The limits that this server enforces and tells of."""
    limits = default_limits()
    limits.max_image_bytes = settings.max_image_bytes
    limits.max_video_bytes = settings.max_video_bytes
    limits.max_audio_bytes = settings.max_audio_bytes
    limits.max_media_per_project = settings.max_media_per_project
    return limits


def largest(limits: Limits, media_type: MediaType.ValueType) -> int:
    """Most bytes of a file that was declared to be of a type."""
    if media_type == common_pb2.MEDIA_TYPE_AUDIO:
        return limits.max_audio_bytes
    if media_type == common_pb2.MEDIA_TYPE_IMAGE:
        return limits.max_image_bytes
    return limits.max_video_bytes


def need_size(limits: Limits, media_type: MediaType.ValueType, size_bytes: int) -> None:
    """Nothing, when a file of this size may come.

    Raises:
        BeatStitchError: INPUT_TOO_LARGE.
    """
    limit = largest(limits, media_type)
    if size_bytes > limit:
        name = MediaType.Name(media_type).removeprefix("MEDIA_TYPE_")
        text = f"a file of type {name} may have {limit} bytes at most"
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_TOO_LARGE,
            text,
            metadata={"limit_bytes": str(limit)},
            violations=[FieldViolation(field="size_bytes", description=text)],
        )


def need_place(limits: Limits, count: int) -> None:
    """Nothing, when a project with `count` pictures and clips may get one more.

    Raises:
        BeatStitchError: QUOTA_EXCEEDED.
    """
    if count >= limits.max_media_per_project:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_QUOTA_EXCEEDED,
            f"a project holds {limits.max_media_per_project} pictures and clips at most",
            metadata={
                "quota": "max_media_per_project",
                "limit": str(limits.max_media_per_project),
                "used": str(count),
            },
        )
