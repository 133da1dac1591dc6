"""Beat analyses: how fast."""

from __future__ import annotations

from beatstitch_runtime.metrics.declare import counter, histogram

US_PER_S = 1_000_000

_audio = counter(
    "beatstitch_analysis_audio_seconds_total", "Seconds of songs analysed.", ("backend",)
)
_speed = histogram(
    "beatstitch_analysis_speed_ratio",
    "Seconds of song per second of analysis, decoding included.",
    ("backend",),
    buckets=(0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)


def analysed(backend: str, duration_us: int, seconds: float) -> None:
    """A song was analysed.

    Args:
        backend: The tracker: "madmom", "flux".
        duration_us: Length of the song, microseconds.
        seconds: How long it took.
    """
    song_s = duration_us / US_PER_S
    _audio.labels(backend).inc(song_s)
    if seconds > 0:
        _speed.labels(backend).observe(song_s / seconds)
