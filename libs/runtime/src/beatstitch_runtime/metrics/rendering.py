"""Renders: pieces found and made, speed, and how exact the cuts are."""

from __future__ import annotations

from beatstitch.v1.render_pb2 import SyncReport
from beatstitch_runtime.metrics.declare import counter, histogram

US_PER_S = 1_000_000

_chunks = counter(
    "beatstitch_render_chunks_total",
    "Pieces that renders needed: found (cache hit) or missing (cache miss).",
    ("result",),
)
_found, _missing = _chunks.labels("found"), _chunks.labels("missing")
_frames = counter("beatstitch_render_frames_total", "Frames of pieces that were rendered.")
_speed = histogram(
    "beatstitch_render_speed_frames_per_second",
    "Frames per second of a piece's rendering: decoding, composing, encoding.",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 960),
)
_cut_error = histogram(
    "beatstitch_render_worst_cut_error_frames",
    "Of each verified video, how far its worst cut is from its frame; anything but 0 is refused.",
    buckets=(0, 1, 2, 5, 10, 100),
)
_apart = histogram(
    "beatstitch_render_worst_sync_error_seconds",
    "Of each verified video, the largest distance of a cut from its beat, seconds; at most half a "
    "frame.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.0167, 0.0209, 0.0334, 0.05, 0.1),
)


def chunks(found: int, missing: int) -> None:
    """Of a render's pieces so many were in storage, and so many have to be made."""
    _found.inc(found)
    _missing.inc(missing)


def rendered(frames: int, seconds: float) -> None:
    """A piece of so many frames was rendered."""
    _frames.inc(frames)
    if seconds > 0:
        _speed.observe(frames / seconds)


def verified(report: SyncReport) -> None:
    """A video was measured, whether it is right or not."""
    _cut_error.observe(report.worst_cut_error_frames)
    _apart.observe(report.worst_quantisation_us / US_PER_S)
