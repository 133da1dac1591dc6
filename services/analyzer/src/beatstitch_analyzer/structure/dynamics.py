"""How loud and how marked the song is, beat by beat."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Doubles, Floats
from beatstitch_analyzer.beats.pieces import cut_out
from beatstitch_analyzer.structure.sound import Sound

_REACH = 4
_WEAK = 0.1
_SILENT_RMS = 1e-5


def beat_rms(samples: Floats, sample_rate: int, times: Doubles) -> Doubles:
    """Root mean square from each beat to the next, (n,); the last one lasts a usual beat.

    Args:
        samples: Mono, (m,), full scale ±1.
        sample_rate: In Hz.
        times: Beats in seconds, ascending; (n,).
    """
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.5
    edges = np.append(times, times[-1] + usual) if len(times) else times
    marks = np.clip(np.round(edges * sample_rate), 0, len(samples)).astype(np.int64)
    rms = np.zeros(len(times))
    for index in range(len(times)):
        part = cut_out(samples, int(marks[index]), int(marks[index + 1])).astype(np.float64)
        rms[index] = np.sqrt(np.mean(part * part)) if len(part) else 0.0
    return rms


def relative(values: Doubles) -> Doubles:
    """In relation to the largest, 0 to 1; all 0 where there is nothing to hear."""
    largest = float(values.max(initial=0.0))
    scaled: Doubles = values / largest if largest > _SILENT_RMS else np.zeros(len(values))
    return scaled


def beat_onsets(sound: Sound, times: Doubles) -> Doubles:
    """Onset strength at each beat in relation to the song's strongest beat, per band; (3, n).

    The strongest rise within ± 40 ms counts, over what always rises in that band. A band in which
    nothing stands out (a drone, noise) stays near 0 instead of being scaled up.
    """
    if not len(times) or not sound.onsets.shape[1]:
        return np.zeros((3, len(times)))
    centre = np.round(times * FPS).astype(np.int64)
    around = np.clip(centre[:, None] + np.arange(-_REACH, _REACH + 1), 0, sound.onsets.shape[1] - 1)
    usual = np.median(sound.onsets, axis=1, keepdims=True)
    peaks = np.maximum(sound.onsets[:, around].max(axis=2) - usual, 0).astype(np.float64)
    onsets: Doubles = peaks / np.maximum(peaks.max(axis=1, keepdims=True), _WEAK)
    return onsets
