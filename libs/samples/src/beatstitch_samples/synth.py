"""Pitched voices: each turns one note into stereo samples."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]
TABLE = 4096


def frequency(midi: float) -> float:
    """Returns the frequency of a MIDI note number in hertz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


@lru_cache(maxsize=512)
def saw_table(harmonics: int) -> Samples:
    """One cycle of a saw of that many harmonics: band-limited, so high notes don't alias."""
    phase = np.arange(TABLE) * (2 * np.pi / TABLE)
    table = np.zeros(TABLE)
    for k in range(1, harmonics + 1):
        # Sigma factors take away the ringing of a cut-off Fourier series.
        table += np.sin(k * phase) / k * np.sinc(k / (harmonics + 1))
    return np.asarray(table / np.abs(table).max(), dtype=np.float32)


def saw(freq: float, count: int, rate: int, phase: float = 0.0, vibrato: float = 0.0) -> Samples:
    """Returns `count` samples of a band-limited saw; `vibrato` is its depth in cents."""
    harmonics = max(1, min(48, int(0.42 * rate / freq)))
    index = np.arange(count, dtype=np.float64) * (freq / rate) + phase
    if vibrato:
        t = np.arange(count) / rate
        depth = (2 ** (vibrato / 1200) - 1) * freq / (2 * np.pi * 5.2)
        index += depth * np.sin(2 * np.pi * 5.2 * t) * np.clip((t - 0.15) / 0.3, 0, 1)
    lookup = (index * TABLE).astype(np.int64) & (TABLE - 1)
    return np.asarray(saw_table(harmonics)[lookup])


def ramp(count: int, rate: int, attack_s: float, release_s: float) -> Samples:
    """An envelope that rises, holds and falls with cosine edges, `count` samples long."""
    envelope = np.ones(count, dtype=np.float32)
    rise = min(count // 2, max(1, int(attack_s * rate)))
    fall = min(count - rise, max(1, int(release_s * rate)))
    envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    envelope[count - fall :] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall)).astype("f4")
    return envelope


def lowpass(samples: Samples, cutoff: float, rate: int, order: int = 2) -> Samples:
    """Butterworth low-pass along the first axis."""
    sos = signal.butter(order, min(cutoff, 0.45 * rate), "low", fs=rate, output="sos")
    return np.asarray(signal.sosfilt(sos, samples, axis=0), dtype=np.float32)


def highpass(samples: Samples, cutoff: float, rate: int, order: int = 2) -> Samples:
    """Butterworth high-pass along the first axis."""
    sos = signal.butter(order, cutoff, "high", fs=rate, output="sos")
    return np.asarray(signal.sosfilt(sos, samples, axis=0), dtype=np.float32)


@lru_cache(maxsize=256)
def pad(midi: int, count: int, rate: int) -> Samples:
    """A wide, slow chord voice: two detuned saws on each side."""
    release = int(0.5 * rate)
    total = count + release
    freq = frequency(midi)
    left = saw(freq * 1.004, total, rate, 0.13) + saw(freq * 0.9985, total, rate, 0.61)
    right = saw(freq * 0.996, total, rate, 0.37) + saw(freq * 1.0015, total, rate, 0.89)
    envelope = ramp(total, rate, 0.12, 0.5)
    return np.stack([left * envelope, right * envelope], axis=1) * np.float32(0.25)


@lru_cache(maxsize=256)
def pluck(midi: int, count: int, rate: int) -> Samples:
    """A short bright string whose overtones die first."""
    total = count + int(0.35 * rate)
    freq = frequency(midi)
    t = np.arange(total) / rate
    tone = np.zeros(total)
    for k in range(1, 13):
        if k * freq > 0.42 * rate:
            break
        weight = 1 / k if k % 2 else 0.6 / k
        tone += weight * np.sin(2 * np.pi * k * freq * t) * np.exp(-t * (5 + 3.2 * k))
    tone *= ramp(total, rate, 0.002, 0.05)
    return np.stack([tone, tone], axis=1).astype(np.float32) * np.float32(0.5)


@lru_cache(maxsize=256)
def bass(midi: int, count: int, rate: int) -> Samples:
    """A round bass: a sine with a filtered saw on top."""
    total = count + int(0.04 * rate)
    freq = frequency(midi)
    t = np.arange(total) / rate
    grit = lowpass(saw(freq, total, rate), 380.0, rate) + 0.35 * lowpass(
        saw(freq * 2.002, total, rate), 900.0, rate
    ) * np.exp(-t * 9)
    tone = 0.8 * np.sin(2 * np.pi * freq * t) + 0.6 * grit
    tone = np.tanh(1.2 * tone) * ramp(total, rate, 0.004, 0.04)
    return np.stack([tone, tone], axis=1).astype(np.float32)


@lru_cache(maxsize=256)
def lead(midi: int, count: int, rate: int) -> Samples:
    """The singing voice: detuned saws, vibrato on long notes, a soft top."""
    total = count + int(0.12 * rate)
    freq = frequency(midi)
    centre = saw(freq, total, rate, 0.2, vibrato=18)
    left = centre + 0.6 * saw(freq * 1.003, total, rate, 0.5, vibrato=12)
    right = centre + 0.6 * saw(freq * 0.997, total, rate, 0.8, vibrato=12)
    tone = lowpass(np.stack([left, right], axis=1), 3400.0, rate)
    return np.asarray(tone * ramp(total, rate, 0.012, 0.12)[:, None] * np.float32(0.4))


VOICES = {"pad": pad, "arp": pluck, "bass": bass, "lead": lead}
