"""What requests may ask for. Defaults of 2-contracts; services may lower them by settings."""

from __future__ import annotations

from beatstitch.v1.info_service_pb2 import Limits

MB = 1_000_000

DEFAULT_BEATS_PER_CUT = 4
MIN_SIDE_PIXELS = 16
MAX_SEGMENTS_PER_CHUNK = 200
MAX_INPUTS_PER_CHUNK = 100

PROBE_TIMEOUT_S = 30.0
ANALYSIS_TIMEOUT_S = 300.0
TIMELINE_TIMEOUT_S = 60.0
MEDIA_TIMEOUT_S = 120.0
CHUNK_TIMEOUT_S = 120.0
CHILD_MEMORY_BYTES = 4 * 1024**3
MIN_AUDIO_US = 1_000_000


def default_limits() -> Limits:
    """A fresh message with the default limits."""
    return Limits(
        max_image_bytes=50 * MB,
        max_video_bytes=2_000 * MB,
        max_audio_bytes=500 * MB,
        max_media_per_project=500,
        max_video_seconds=7_200,
        max_image_pixels=100_000_000,
        max_beats_per_cut=64,
        max_side_pixels=7_680,
        max_fps=120,
        max_segments=20_000,
    )
