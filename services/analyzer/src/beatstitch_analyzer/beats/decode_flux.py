"""Beats and bars from onset strength: what a network knows, said in rules.

Each possible beat is worth, per frame that it lasts, how strong the onset at its start is, how
periodic the surroundings are at its length, and how usual its tempo is; the first beat of a bar
also how much the bass and the harmony change there. Being per frame, twice or half the tempo wins
nothing by having more or fewer beats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.lattice import (
    MAX_BPM,
    MIN_BPM,
    Lattice,
    RawPath,
    best_path,
    build_lattice,
)
from beatstitch_analyzer.beats.model import FPS, BeatPath, Floats


@dataclass(frozen=True, slots=True)
class FluxWeights:
    """How much each clue counts, per frame.

    Attributes:
        onset: Onset strength at the beat.
        period: Periodicity at the beat's length.
        bar_period: Periodicity at the bar's length.
        tempo: Preference of usual tempi.
        usual_bpm: The most usual tempo.
        octaves: Standard deviation of usual tempi, in octaves.
        downbeat: Change of bass and harmony at the first beat of a bar.
        harmony: Share of the harmony in that.
        bass: Share of the bass in that.
        four: Preference of four beats in a bar over three.
        stiffness: As in `build_lattice`.
    """

    onset: float = 0.046
    period: float = 0.12
    bar_period: float = 0.075
    tempo: float = 0.15
    usual_bpm: float = 119.0
    octaves: float = 0.6
    downbeat: float = 0.05
    harmony: float = 1.0
    bass: float = 0.35
    four: float = 0.008
    stiffness: float = 110.0


_WINDOW = 12 * FPS
_STEP = 2 * FPS
_TEETH = 4


def decode_flux(
    evidence: Evidence,
    weights: FluxWeights | None = None,
    *,
    metres: tuple[int, ...] = (3, 4),
    min_bpm: float = MIN_BPM,
    max_bpm: float = MAX_BPM,
) -> BeatPath | None:
    """The beats that the evidence speaks for; None when the song is shorter than a beat."""
    weights = weights or FluxWeights()
    lattice = build_lattice(min_bpm, max_bpm, weights.stiffness)
    count = len(evidence.loudness)
    if count <= lattice.shortest:
        return None
    onset = ndimage.maximum_filter1d(evidence.onset, 3)
    local = _local_periodicity(evidence.onset, lattice.longest * max(_TEETH, *metres))
    base = _beat_worth(onset, local, lattice, weights)
    change = _bar_evidence(evidence, weights)
    paths: dict[int, RawPath] = {}
    for metre in metres:
        other = base + _bar_worth(local, lattice, metre, count, weights)
        first = other + weights.downbeat * metre * lattice.lengths[:, None] * _pad(change, lattice)
        if metre == 4:
            first += weights.four * metre * lattice.lengths[:, None]
        paths[metre] = best_path(lattice, first, other, metre)
    metre = max(paths, key=lambda m: paths[m].score)
    path = paths[metre]
    inside = (path.starts >= 0) & (path.starts < count)
    return BeatPath(path.starts[inside].astype(np.float64), path.numbers[inside], metre, path.score)


def _pad(values: Floats, lattice: Lattice) -> Floats:
    """Silence before the song, as `best_path` wants it."""
    return np.concatenate((np.zeros(lattice.longest, np.float32), values))


def _local_periodicity(onset: Floats, longest: int) -> Floats:
    """Autocorrelation around each step; (steps, lags), 1 at lag 0."""
    count = len(onset)
    centres = range(0, count, _STEP)
    size = fft.next_fast_len(_WINDOW + longest + 1)
    window = np.hanning(_WINDOW).astype(np.float32)
    padded = np.pad(onset, (_WINDOW // 2, _WINDOW))
    rows = np.stack([padded[c : c + _WINDOW] * window for c in centres])
    spectrum = np.abs(fft.rfft(rows, size, axis=1)) ** 2
    lags = fft.irfft(spectrum, size, axis=1)[:, : longest + 1]
    # The window leaves fewer pairs at long lags: undo that, gently.
    taper = fft.irfft(np.abs(fft.rfft(window, size)) ** 2, size)[: longest + 1]
    lags /= np.maximum(taper / taper[0], 0.15)
    whole = lags.mean(axis=0, keepdims=True)
    lags = lags / np.maximum(lags[:, :1], 1e-6) + whole / np.maximum(whole[:, :1], 1e-6)
    result: Floats = (ndimage.maximum_filter1d(lags, 3, axis=1) / 2).astype(np.float32)
    return result


def _beat_worth(onset: Floats, local: Floats, lattice: Lattice, weights: FluxWeights) -> Floats:
    """(lengths, longest + frames)."""
    lengths = lattice.lengths
    octaves = np.log2(60 * FPS / lengths / weights.usual_bpm) / weights.octaves
    usual = -0.5 * weights.tempo * octaves**2
    comb = np.mean([local[:, lengths * tooth] for tooth in range(1, _TEETH + 1)], axis=0)
    steps = np.minimum(np.arange(len(onset)) + _STEP // 2, len(onset) - 1) // _STEP
    steps = np.minimum(steps, len(comb) - 1)
    worth = weights.period * comb.T[:, steps] + weights.onset * onset[None, :] + usual[:, None]
    worth *= lengths[:, None]
    padded = np.zeros((len(lengths), lattice.longest + len(onset)), np.float32)
    padded[:, lattice.longest :] = worth
    padded[:, : lattice.longest] = (usual * lengths)[:, None]
    return padded


def _bar_worth(
    local: Floats, lattice: Lattice, metre: int, count: int, weights: FluxWeights
) -> Floats:
    """Periodicity at the length of a bar; (lengths, longest + frames)."""
    steps = np.minimum((np.arange(count) + _STEP // 2) // _STEP, len(local) - 1)
    bars = local[:, lattice.lengths * metre].T[:, steps] * weights.bar_period
    bars = bars * lattice.lengths[:, None]
    padded = np.zeros((len(lattice.lengths), lattice.longest + count), np.float32)
    padded[:, lattice.longest :] = bars
    return padded


def _bar_evidence(evidence: Evidence, weights: FluxWeights) -> Floats:
    """How much like the first beat of a bar each frame sounds; (n,), mean 0, variance about 1."""
    bass = ndimage.maximum_filter1d(evidence.bands[0], 5)
    span = FPS
    before = ndimage.uniform_filter1d(evidence.chroma, span, axis=1, origin=span // 2 - 1)
    after = ndimage.uniform_filter1d(evidence.chroma, span, axis=1, origin=-(span // 2))
    scale = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    change = 1 - (before * after).sum(axis=0) / np.maximum(scale, 1e-6)
    change = ndimage.maximum_filter1d(change, 9)
    total = np.zeros(len(change), np.float32)
    for clue, weight in ((bass, weights.bass), (change, weights.harmony)):
        spread = float(clue.std())
        if spread > 1e-6:
            total += weight * (clue - clue.mean()) / spread
    return total


def periodicity(evidence: Evidence) -> float:
    """How periodic the onsets are at the best tempo of each moment; 1 for clicks, 0 for noise."""
    lengths = build_lattice(MIN_BPM, MAX_BPM, FluxWeights().stiffness).lengths
    local = _local_periodicity(evidence.onset, int(lengths[-1]) * _TEETH)
    comb = np.mean([local[:, lengths * tooth] for tooth in range(1, _TEETH + 1)], axis=0)
    return float(comb.max(axis=1).mean())


def bar_contrast(evidence: Evidence, path: BeatPath) -> float:
    """How much more first beats of bars sound like ones than the others, in standard deviations."""
    clue = _bar_evidence(evidence, FluxWeights())
    at = clue[np.clip(np.round(path.frames).astype(np.int64), 0, len(clue) - 1)]
    first = path.numbers == 1
    if not first.any() or first.all() or float(at.std()) < 1e-6:
        return 0.0
    return float(at[first].mean() - at[~first].mean()) / float(at.std())
