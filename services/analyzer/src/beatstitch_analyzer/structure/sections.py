"""The form of a song: stretches of bars that sound alike, lettered, with their energy.

Letters say only "sounds like the other A": nothing here knows what a chorus is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Doubles, Floats, Ints, Tracking
from beatstitch_analyzer.structure.dynamics import relative
from beatstitch_analyzer.structure.novelty import find_borders, likeness, usual_distance
from beatstitch_analyzer.structure.sound import Sound

_MIN_BARS = 8
_ALIKE = 0.8
_HARMONY = 0.25
_BARS_AT_ONCE = 128
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section.

    Attributes:
        start: Seconds.
        end: Seconds.
        label: "A" to "Z", then "A1", "B1", …: same letter, similar sound.
        energy: RMS of its beats in relation to the loudest section, 0 to 1.
        confidence: How likely its beats are right, 0 to 1.
    """

    start: float
    end: float
    label: str
    energy: float
    confidence: float


def find_sections(sound: Sound, tracking: Tracking, rms: Doubles, duration: float) -> list[Stretch]:
    """The sections of a song.

    Args:
        sound: What is heard.
        tracking: The song's beats and bars.
        rms: Loudness of each beat.
        duration: Of the song, in seconds.

    Returns:
        Sections without gaps over the whole song, inner borders on downbeats; one where there are
        too few bars to compare, or none that were heard.
    """
    downbeats = tracking.downbeats
    if len(downbeats) > _MIN_BARS and tracking.confidence > 0:
        bars = _bar_features(sound, downbeats)
        spread = usual_distance(bars)
        borders = find_borders(bars, spread)
        labels = _labels(bars, borders, spread)
        inner = downbeats[borders[1:-1]]
    else:
        labels, inner = [0], np.zeros(0)
    times = np.concatenate(([0.0], inner, [duration]))
    first = np.searchsorted(tracking.times, times)
    first[-1] = len(rms)
    spans = [slice(int(a), int(b)) for a, b in pairwise(first)]
    energy = relative(np.array([_root_mean_square(rms[span]) for span in spans]))
    return [
        Stretch(
            start=float(times[i]),
            end=float(times[i + 1]),
            label=_letter(labels[i]),
            energy=float(energy[i]),
            confidence=_mean(tracking.trust[span]),
        )
        for i, span in enumerate(spans)
    ]


def _bar_features(sound: Sound, downbeats: Doubles) -> Doubles:
    """Timbre and harmony of the bars, (bars, features), scaled."""
    timbre = _means(sound.timbre, downbeats)
    harmony = _means(sound.chroma, downbeats)
    return np.hstack([_scale(timbre), _HARMONY * _scale(harmony)])


def _means(frames: Floats, downbeats: Doubles) -> Doubles:
    """Mean of the frames of each bar, (bars, columns); no bar is shorter than a frame."""
    edges = np.round(np.append(downbeats, len(frames) / FPS) * FPS).astype(np.int64)
    means = np.empty((len(downbeats), frames.shape[1]))
    for index, (begin, end) in enumerate(pairwise(edges)):
        begin = min(int(begin), len(frames) - 1)  # noqa: PLW2901 - the song's last frame
        means[index] = frames[begin : max(int(end), begin + 1)].mean(axis=0, dtype=np.float64)
    return means


def _scale(rows: Doubles) -> Doubles:
    """Each column centred; the whole block of unit spread, so that wide blocks count no more."""
    centred = rows - rows.mean(axis=0)
    spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
    scaled: Doubles = centred / max(spread, 1e-9)
    return scaled


def _labels(bars: Doubles, borders: Ints, spread: float) -> list[int]:
    """A number for each section; the same for sections that sound alike."""
    lengths = np.diff(borders)
    labels: list[int] = []
    for index, (begin, end) in enumerate(pairwise(borders)):
        alike = _mean_likeness(bars[begin:end], bars[:end], spread)
        means = np.add.reduceat(alike, borders[: index + 1]) / lengths[: index + 1]
        best = int(np.argmax(means[:-1])) if index else -1
        known = index > 0 and means[best] >= _ALIKE * means[index]
        labels.append(labels[best] if known else max(labels, default=-1) + 1)
    return labels


def _mean_likeness(section: Doubles, bars: Doubles, spread: float) -> Doubles:
    """How alike each bar is to a section's on average, (bars,); a song may be one section."""
    total = np.zeros(len(bars))
    for first in range(0, len(section), _BARS_AT_ONCE):
        total += likeness(section[first : first + _BARS_AT_ONCE], bars, spread).sum(axis=0)
    mean: Doubles = total / len(section)
    return mean


def _letter(label: int) -> str:
    again, letter = divmod(label, len(_LETTERS))
    return _LETTERS[letter] + (str(again) if again else "")


def _root_mean_square(values: Doubles) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0


def _mean(values: Doubles) -> float:
    return float(values.mean()) if len(values) else 0.0
