"""The form of a song: stretches of bars that sound alike, lettered, with their energy.

Bars are compared with each other; a border is where the bars before differ from the bars after,
both being alike among themselves (Foote, "Automatic audio segmentation using a measure of audio
novelty", 2000). Letters say only "sounds like the other A": nothing here knows what a chorus is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from beatstitch_analyzer.beats.flux import spectra
from beatstitch_analyzer.beats.model import FPS, Doubles, Floats, Ints, Tracking

_MIN_BARS = 8
_KERNELS_BARS = (2, 4, 8)
_SHORTEST_BARS = 2
_NOVELTY = 0.3
_ALIKE = 0.8
_HARMONY = 0.25
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section: seconds, letter, and loudness in relation to the loudest one, 0 to 1."""

    start: float
    end: float
    label: str
    energy: float


def find_sections(samples: Floats, tracking: Tracking, duration: float) -> list[Stretch]:
    """The sections of a song.

    Args:
        samples: Mono float32 at `beats.model.SAMPLE_RATE`.
        tracking: The song's bars.
        duration: Of the song, in seconds.

    Returns:
        Sections without gaps over the whole song, inner borders on downbeats; empty where there are
        too few bars to compare.
    """
    downbeats = tracking.downbeats
    if len(downbeats) < _MIN_BARS + 1 or tracking.confidence <= 0:
        return []
    bars, loudness = _bar_features(samples, downbeats)
    borders = _borders(bars)
    labels = _labels(bars, borders)
    energy = np.array([np.sqrt(np.mean(loudness[a:b] ** 2)) for a, b in pairwise(borders)])
    energy = energy / max(float(energy.max()), 1e-9)
    times = np.concatenate(([0.0], downbeats[borders[1:-1]], [duration]))
    return [
        Stretch(float(times[i]), float(times[i + 1]), _LETTERS[label % 26], float(energy[i]))
        for i, label in enumerate(labels)
    ]


def _bar_features(samples: Floats, downbeats: Doubles) -> tuple[Doubles, Doubles]:
    """Timbre and harmony of the bars, (bars, features), scaled; and their RMS, (bars,)."""
    levels, chroma, _ = spectra(samples)
    edges = np.clip(np.round(downbeats * FPS).astype(np.int64), 0, len(levels) - 1)
    edges = np.unique(edges)
    lengths = np.diff(np.append(edges, len(levels)))[:, None]
    timbre = np.add.reduceat(levels, edges, axis=0) / lengths
    harmony = np.add.reduceat(chroma, edges, axis=0) / lengths
    hop = len(samples) / len(levels)
    starts = np.round(edges * hop).astype(np.int64)
    counts = np.diff(np.append(starts, len(samples)))
    rms = np.sqrt(np.add.reduceat(samples.astype(np.float64) ** 2, starts) / counts)
    scaled = [_scale(timbre.astype(np.float64)), _HARMONY * _scale(harmony.astype(np.float64))]
    return np.hstack(scaled), rms


def _scale(rows: Doubles) -> Doubles:
    """Each column centred; the whole block of unit spread, so that wide blocks count no more."""
    centred = rows - rows.mean(axis=0)
    spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
    scaled: Doubles = centred / max(spread, 1e-9)
    return scaled


def _likeness(bars: Doubles) -> Doubles:
    """How alike each two bars are, 0 to 1; (bars, bars)."""
    distance = ((bars[:, None] - bars[None]) ** 2).sum(axis=2)
    alike: Doubles = np.exp(-distance / max(float(np.median(distance)), 1e-9))
    return alike


def _borders(bars: Doubles) -> Ints:
    """Bars at which sections begin, and one past the last bar."""
    alike = _likeness(bars)
    count = len(bars)
    novelty = np.zeros(count)
    for bar in range(_SHORTEST_BARS, count - _SHORTEST_BARS + 1):
        for kernel in _KERNELS_BARS:
            reach = min(kernel, bar, count - bar)
            before, after = slice(bar - reach, bar), slice(bar, bar + reach)
            within = (alike[before, before].mean() + alike[after, after].mean()) / 2
            novelty[bar] = max(novelty[bar], within - alike[before, after].mean())
    peak = novelty >= np.maximum(np.append(novelty[1:], 0), np.append(0, novelty[:-1]))
    novelty *= peak
    chosen: list[int] = []
    for bar in np.argsort(-novelty):
        if novelty[bar] < _NOVELTY:
            break
        if all(abs(int(bar) - other) >= _SHORTEST_BARS for other in [0, count, *chosen]):
            chosen.append(int(bar))
    return np.array([0, *sorted(chosen), count], np.int64)


def _labels(bars: Doubles, borders: Ints) -> list[int]:
    """A number for each section; the same for sections that sound alike."""
    alike = _likeness(bars)
    sections = [slice(int(a), int(b)) for a, b in pairwise(borders)]
    labels: list[int] = []
    for index, section in enumerate(sections):
        own = float(alike[section, section].mean())
        scores = [float(alike[section, other].mean()) for other in sections[:index]]
        best = int(np.argmax(scores)) if scores else -1
        if best >= 0 and scores[best] >= _ALIKE * own:
            labels.append(labels[best])
        else:
            labels.append(max(labels, default=-1) + 1)
    return labels
