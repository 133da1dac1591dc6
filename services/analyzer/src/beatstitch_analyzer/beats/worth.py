"""What each possible beat is worth by onset strength: what a network knows, said in rules.

Each possible beat is worth, per frame that it lasts, how strong the onset at its start is, how
periodic the surroundings are at its length, and how usual its tempo is; the first beat of a bar
also how much the bass and the harmony change there. Being per frame, twice or half the tempo wins
nothing by having more or fewer beats.

Swung notes come in pairs, long and short, and the beat is where the long one begins: an onset a
third of a beat earlier speaks for a beat, one a third later against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.lattice import Lattice, Scores
from beatstitch_analyzer.beats.model import FPS, Floats, Ints

TEETH = 4
"""Periodicity at a beat's length is that at so many multiples of it."""

_WINDOW = 12 * FPS
_STEP = 2 * FPS
_USUAL_METRE = 4


@dataclass(frozen=True, slots=True)
class FluxWeights:
    """How much each clue counts, per frame.

    Attributes:
        onset: Onset strength at the beat.
        swing: Onset strength a third of a beat before the beat, less that a third after it.
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

    onset: float = 0.06
    swing: float = 0.03
    period: float = 0.12
    bar_period: float = 0.11
    tempo: float = 0.15
    usual_bpm: float = 126.0
    octaves: float = 0.6
    downbeat: float = 0.05
    harmony: float = 1.0
    bass: float = 0.15
    four: float = 0.008
    stiffness: float = 110.0


class FluxWorth:
    """The worth of all beats of a song, as `best_path` wants it.

    Args:
        evidence: What is heard; n frames.
        lattice: The possible beats.
        weights: How much each clue counts.
        metres: Bar lengths that will be asked for.
    """

    def __init__(
        self, evidence: Evidence, lattice: Lattice, weights: FluxWeights, metres: tuple[int, ...]
    ) -> None:
        self._lattice, self._weights = lattice, weights
        count = len(evidence.loudness)
        longest, lengths = lattice.longest, lattice.lengths
        self._local = local_periodicity(evidence.onset, longest * max(TEETH, *metres))
        self._steps = np.minimum((np.arange(count) + _STEP // 2) // _STEP, len(self._local) - 1)
        comb = np.mean([self._local[:, lengths * n] for n in range(1, TEETH + 1)], axis=0)
        self._comb = (weights.period * comb.T).astype(np.float32)
        octaves = np.log2(60 * FPS / lengths / weights.usual_bpm) / weights.octaves
        usual: Floats = (-0.5 * weights.tempo * octaves**2).astype(np.float32)
        self._usual = usual[:, None]
        onset = ndimage.maximum_filter1d(evidence.onset, 3)
        downbeat = np.float32(weights.downbeat)
        self._onset = np.pad(np.float32(weights.onset) * onset, longest)
        self._around = np.pad(np.float32(weights.swing) * onset, 2 * longest)
        self._change = np.pad(downbeat * bar_evidence(evidence, weights), (longest, 0))

    def of_bars(self, metre: int) -> Scores:
        """Worth of the beats of bars of so many."""
        weights, lengths = self._weights, self._lattice.lengths
        bars = self._local[:, lengths * metre] * (weights.bar_period * lengths)
        bars = bars.T.astype(np.float32)
        four = np.float32(weights.four if metre == _USUAL_METRE else 0)
        bar_lengths = (metre * lengths[:, None]).astype(np.float32)

        def score(begin: int, end: int) -> tuple[Floats, Floats]:
            other = self._beats(begin, end)
            song, steps = self._song(begin, end)
            other[:, song] += bars[:, steps]
            begins: Floats = self._change[begin:end] + four
            return bar_lengths * begins + other, other

        return score

    def _beats(self, begin: int, end: int) -> Floats:
        """Worth of beats wherever in a bar."""
        lengths, longest = self._lattice.lengths, self._lattice.longest
        worth = np.zeros((len(lengths), end - begin), np.float32)
        song, steps = self._song(begin, end)
        worth[:, song] = self._comb[:, steps]
        worth += self._onset[begin:end]
        for row, length in enumerate(lengths):
            third = round(int(length) / 3)
            at = begin + longest
            before = self._around[at - third : at - third + end - begin]
            after = self._around[at + third : at + third + end - begin]
            worth[row] += before - after
        # What lies before the song says nothing, even of beats inside it.
        worth[:, : song.start] = 0
        worth += self._usual
        worth *= lengths[:, None].astype(np.float32)
        return worth

    def _song(self, begin: int, end: int) -> tuple[slice, Ints]:
        """Which of the frames lie inside the song, and the steps of `local_periodicity` there."""
        longest = self._lattice.longest
        inside = max(longest - begin, 0)
        steps: Ints = self._steps[begin + inside - longest : max(end - longest, 0)]
        return slice(min(inside, end - begin), end - begin), steps


def local_periodicity(onset: Floats, longest: int) -> Floats:
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


def bar_evidence(evidence: Evidence, weights: FluxWeights) -> Floats:
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
