"""Onset strength in three bands, harmonic change, and their periodicity: the ears of the fallback.

Spectral flux with a maximum filter over frequency: Böck, Widmer, "Maximum filter vibrato
suppression for onset detection" (DAFx 2013). The contract calls this tracker "librosa", but
importing librosa in a sandboxed child, where numba can't keep its cache, takes 20 to 40 seconds and
359 MB: the same primitives in numpy and scipy take 2 ms for a second of music.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from beatstitch_analyzer.beats.model import FPS, SAMPLE_RATE, Floats
from beatstitch_analyzer.beats.pieces import cut_out, loudest

_HOP = SAMPLE_RATE // FPS
_WINDOW = 2048
_PIECE = 256
_BANDS = 60
_LOW_HZ, _HIGH_HZ = 30.0, 16_000.0
_EDGES_HZ = (180.0, 1800.0)
_LAG = 2
_PEAK = 0.9
_SILENT = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the fallback hears; FPS frames a second.

    Attributes:
        bands: Onset strength below 180 Hz, up to 1.8 kHz, and above; (3, n), locally normalised.
        chroma: Energy by pitch class, (12, n), each frame of length 1 or all zero.
        loudness: Mean log magnitude, (n,).
    """

    bands: Floats
    chroma: Floats
    loudness: Floats

    @property
    def onset(self) -> Floats:
        """All bands together, (n,)."""
        total: Floats = np.tensordot(_WEIGHTS, self.bands, 1)
        return total


_WEIGHTS = np.array([0.15, 0.25, 0.6], np.float32)
"""Basses and chords set in between the beats too; what keeps time is bright."""


def hear(samples: Floats) -> Evidence:
    """Listens to a song.

    Args:
        samples: Mono float32, SAMPLE_RATE Hz.

    Returns:
        One frame per started 10 ms, centred as in `FPS`.
    """
    count = -(-len(samples) // _HOP)
    bank, centres = _filter_bank()
    split = np.searchsorted(centres, _EDGES_HZ)
    fold = _chroma_fold()
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    # Quiet files sound like loud ones; what is as good as silent stays so.
    peak = loudest(samples)
    window *= np.float32(_PEAK / peak) if peak > _SILENT else np.float32(1)
    bands = np.zeros((3, count), np.float32)
    chroma = np.empty((12, count), np.float32)
    loudness = np.empty(count, np.float32)
    before = np.empty((0, len(centres)), np.float32)
    for first in range(0, count, _PIECE):
        last = min(first + _PIECE, count)
        sound = cut_out(samples, first * _HOP - _WINDOW // 2, (last - 1) * _HOP + _WINDOW // 2)
        frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
        magnitude = np.abs(fft.rfft(frames * window, axis=1))
        levels = np.log1p(magnitude @ bank)
        pitches = np.log1p(magnitude) @ fold
        pitches /= np.maximum(np.linalg.norm(pitches, axis=1, keepdims=True), 1e-6)
        chroma[:, first:last] = pitches.T
        loudness[first:last] = levels.mean(axis=1)
        before = np.concatenate((before[-_LAG:], levels))
        flux = _flux(before)
        # The rise is heard half the lag after the middle of the two frames.
        at = slice(last - len(flux) - _LAG // 2, last - _LAG // 2)
        bands[:, at] = [part.sum(axis=1) for part in np.split(flux, split, axis=1)]
    return Evidence(_normalise(bands), chroma, loudness)


def _flux(levels: Floats) -> Floats:
    """Rise of each band against its loudest neighbour two frames ago; (n − 2, bands)."""
    widest = ndimage.maximum_filter1d(levels[:-_LAG], 3, axis=1)
    rise: Floats = np.maximum(levels[_LAG:] - widest, 0)
    return rise


def _normalise(bands: Floats) -> Floats:
    """Divides by the strength of the surroundings (± 4 s) and takes their mean away; (3, n)."""
    mean = ndimage.uniform_filter1d(bands, 8 * FPS, axis=1, mode="nearest")
    square = ndimage.uniform_filter1d(bands**2, 8 * FPS, axis=1, mode="nearest")
    overall = np.sqrt((bands**2).mean(axis=1, keepdims=True))
    scale = np.sqrt(square) + 0.2 * overall + 1e-3
    normalised: Floats = (bands - mean) / scale
    return normalised


def _filter_bank() -> tuple[Floats, Floats]:
    """Triangles spaced evenly in mel, (bins, bands), each of sum 1; and their centres in Hz."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rising, falling))
    # Narrow triangles may miss all bins: the nearest bin stands in.
    bank[np.argmin(np.abs(hertz - edges[1:-1]), axis=0), np.arange(_BANDS)] += 1e-3
    bank /= bank.sum(axis=0)
    return bank.astype(np.float32), edges[1:-1].astype(np.float32)


def _chroma_fold() -> Floats:
    """Sums bins of 110 Hz to 2 kHz by pitch class; (bins, 12)."""
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    fold = np.zeros((len(hertz), 12), np.float32)
    for index in np.flatnonzero((hertz >= 110) & (hertz <= 2000)):
        fold[index, round(12 * np.log2(hertz[index] / 440)) % 12] = 1
    fold /= np.maximum(fold.sum(axis=0), 1)
    return fold
