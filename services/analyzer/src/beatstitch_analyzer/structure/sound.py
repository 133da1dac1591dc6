"""What the form is heard from: timbre, harmony and onsets of every frame, in one bounded pass.

The song is read in pieces, so an hour of it needs the frames (1.8 MB a minute) and nothing of the
size of the samples; these may lie in a file that is mapped into memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from beatstitch_analyzer.beats.model import FPS, Doubles, Floats
from beatstitch_analyzer.beats.pieces import cut_out, loudest

BAND_EDGES_HZ = (200.0, 2000.0)
"""Onsets are told apart below, between and above."""

_WINDOW_S = 0.0464
_PIECE = 2000
_MELS = 60
_LOW_HZ, _HIGH_HZ = 30.0, 16_000.0
_LAG = 2
_PEAK = 0.9
_SILENT = 1e-4
_RISEN = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A song in frames, FPS a second; frame i is centred on i / FPS.

    Attributes:
        timbre: Log magnitude in mel bands, (n, bands).
        chroma: Energy by pitch class, (n, 12), each row of length 1 or all zero.
        onsets: Mean rise of the log magnitude in the three bands of `BAND_EDGES_HZ`, (3, n).
        breadth: Share of the mel bands that rise at once, 0 to 1, (n,): a drum is broad, a tone is
            not.
    """

    timbre: Floats
    chroma: Floats
    onsets: Floats
    breadth: Floats


def hear_sound(samples: Floats, sample_rate: int) -> Sound:
    """Listens to a song.

    Onset strength is spectral flux with a maximum filter over frequency: Böck, Widmer, "Maximum
    filter vibrato suppression for onset detection" (DAFx 2013).

    Args:
        samples: Mono float32, (m,), full scale ±1; values that are no numbers count as silence.
        sample_rate: In Hz.

    Returns:
        One frame per started 10 ms.
    """
    hop = sample_rate / FPS
    count = int(np.ceil(len(samples) / hop))
    window = 2 * round(_WINDOW_S * sample_rate / 2)
    bank, centres = _mel_bank(window, sample_rate)
    fold = _chroma_fold(window, sample_rate)
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    gain = _gain(samples)
    timbre = np.empty((count, len(centres)), np.float32)
    chroma = np.empty((count, 12), np.float32)
    for first in range(0, count, _PIECE):
        last = min(first + _PIECE, count)
        frames = _frames(samples, np.round(np.arange(first, last) * hop).astype(np.int64), window)
        magnitude = np.abs(fft.rfft(frames * (taper * gain), axis=1))
        timbre[first:last] = np.log1p(magnitude @ bank)
        chroma[first:last] = np.log1p(magnitude) @ fold
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
    onsets, breadth = _onsets(timbre, centres)
    return Sound(timbre, chroma, onsets, breadth)


def _gain(samples: Floats) -> np.float32:
    """Quiet files sound like loud ones; what is as good as silent stays so."""
    peak = loudest(samples)
    return np.float32(_PEAK / peak if peak > _SILENT else 1.0)


def _frames(samples: Floats, centres: np.ndarray, window: int) -> Floats:
    """Windows around samples, (n, window); silence beyond the ends."""
    first = int(centres[0]) - window // 2
    last = int(centres[-1]) + window // 2
    part = cut_out(samples, first, last)
    views = np.lib.stride_tricks.sliding_window_view(part, window)
    frames: Floats = views[centres - centres[0]]
    return frames


def _onsets(timbre: Floats, centres: Doubles) -> tuple[Floats, Floats]:
    """Rise of each band against its loudest neighbour two frames ago: (3, n) and breadth (n,)."""
    count = len(timbre)
    onsets, breadth = np.zeros((3, count), np.float32), np.zeros(count, np.float32)
    split = np.searchsorted(centres, BAND_EDGES_HZ)
    for first in range(0, count - _LAG, _PIECE):
        rows = timbre[first : first + _PIECE + _LAG]
        widest = ndimage.maximum_filter1d(rows[:-_LAG], 3, axis=1)
        rise = np.maximum(rows[_LAG:] - widest, 0)
        # The rise is heard half the lag after the middle of the two frames.
        to = slice(first + _LAG // 2, first + _LAG // 2 + len(rise))
        onsets[:, to] = [part.mean(axis=1) for part in np.split(rise, split, axis=1)]
        breadth[to] = (rise > _RISEN).mean(axis=1)
    return onsets, breadth


def _mel_bank(window: int, sample_rate: int) -> tuple[Floats, Doubles]:
    """Triangles spaced evenly in mel, (bins, bands), each of sum 1; and their centres in Hz."""
    top = min(_HIGH_HZ, 0.45 * sample_rate)
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, top))
    edges = 700 * (10 ** (np.linspace(lowest, highest, _MELS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(window, 1 / sample_rate)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rising, falling))
    # Narrow triangles may miss all bins: the nearest bin stands in.
    bank[np.argmin(np.abs(hertz - edges[1:-1]), axis=0), np.arange(_MELS)] += 1e-3
    bank /= bank.sum(axis=0)
    return bank.astype(np.float32), edges[1:-1]


def _chroma_fold(window: int, sample_rate: int) -> Floats:
    """Sums bins of 110 Hz to 2 kHz by pitch class; (bins, 12)."""
    hertz = np.fft.rfftfreq(window, 1 / sample_rate)
    fold = np.zeros((len(hertz), 12), np.float32)
    for index in np.flatnonzero((hertz >= 110) & (hertz <= 2000)):
        fold[index, round(12 * np.log2(hertz[index] / 440)) % 12] = 1
    fold /= np.maximum(fold.sum(axis=0), 1)
    return fold
