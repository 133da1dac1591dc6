"""Sounds to measure with: clicks at exact samples, tones, noise, silence."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@lru_cache(maxsize=8)
def click_kernel(sample_rate: int) -> Samples:
    """The shape of one click: a 2 ms chirp from 1 to 9 kHz that starts at its first sample.

    A chirp has one sharp peak of correlation with itself, so a click is found to the sample even
    after lossy coding.
    """
    count = round(0.002 * sample_rate)
    t = np.arange(count) / sample_rate
    sweep = np.cos(2 * np.pi * (1000 * t + 0.5 * (8000 / 0.002) * t**2))
    return (sweep * np.hanning(count + 2)[1:-1]).astype(np.float32)


def click_track(
    beats_us: Iterable[int],
    duration_us: int,
    *,
    sample_rate: int = 48_000,
    channels: int = 1,
    level: float = 0.8,
) -> Samples:
    """Makes a track that clicks at given times and is silent elsewhere.

    The first sample of each click is `round(time × rate)`.

    Args:
        beats_us: Times in microseconds.
        duration_us: Length in microseconds.
        sample_rate: Samples a second.
        channels: 1 or 2, both alike.
        level: Peak of a click.

    Returns:
        float32 of shape (n, channels).
    """
    track = silence(duration_us, sample_rate=sample_rate, channels=channels)
    kernel = click_kernel(sample_rate)[:, None] * np.float32(level)
    for beat in beats_us:
        start = round(beat * sample_rate / 1_000_000)
        end = min(len(track), start + len(kernel))
        if end > start >= 0:
            track[start:end] += kernel[: end - start]
    return track


def silence(duration_us: int, *, sample_rate: int = 48_000, channels: int = 1) -> Samples:
    """Makes digital silence of shape (n, channels)."""
    count = round(duration_us * sample_rate / 1_000_000)
    return np.zeros((count, channels), dtype=np.float32)


def tone(
    frequency: float,
    duration_us: int,
    *,
    sample_rate: int = 48_000,
    channels: int = 1,
    level: float = 0.25,
) -> Samples:
    """Makes a sine of shape (n, channels)."""
    count = round(duration_us * sample_rate / 1_000_000)
    wave = level * np.sin(2 * np.pi * frequency * np.arange(count) / sample_rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def noise(
    duration_us: int,
    *,
    sample_rate: int = 48_000,
    channels: int = 1,
    level: float = 0.1,
    seed: int = 0,
) -> Samples:
    """Makes white noise of shape (n, channels): music without any beat."""
    count = round(duration_us * sample_rate / 1_000_000)
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((count, channels))).clip(-1, 1).astype(np.float32)
