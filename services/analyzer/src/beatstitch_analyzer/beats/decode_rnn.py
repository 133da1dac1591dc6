"""Beats and bars under a network's activations, with the observations of madmom's downbeat tracker.

The first sixteenth of a beat sounds like a (down-)beat, the rest like none. Böck, Krebs, Widmer,
"Joint Beat and Downbeat Tracking with Recurrent Neural Networks", ISMIR 2016.

A network hears where beats are, but has a memory of seconds. What repeats over bars, where the
harmony changes and which tempi are usual (see `worth`) is added to its log probabilities: together
they take the octave and the first beat of the bar that neither finds alone.
"""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.lattice import (
    MAX_BPM,
    MIN_BPM,
    Lattice,
    RawPath,
    Scores,
    best_path,
    build_lattice,
)
from beatstitch_analyzer.beats.model import METRES, Activations, BeatPath, Doubles, Floats
from beatstitch_analyzer.beats.worth import FluxWeights, FluxWorth

__all__ = ["METRES", "decode", "peak_between"]

_STIFFNESS = 100.0
_PARTS = 16
_FLOOR = 1e-5
_LATE = 0.4
"""Frames the networks' peaks follow what is heard by: 3 ms on steady songs, 6 on live ones."""
_HEARD_METRES = {2, 3, 4, 6}
"""Where no bar may have so many beats the network's word on the first one is worth nothing: it was
trained on three and four."""
_SHARE = 0.65
"""How much the onsets' word counts beside the network's, against when alone; 0.5 to 0.7 do well."""
_ALONE = FluxWeights()
_WITH_NETWORK = FluxWeights(
    onset=_SHARE * _ALONE.onset,
    swing=_SHARE * _ALONE.swing,
    period=_SHARE * _ALONE.period,
    bar_period=_SHARE * _ALONE.bar_period,
    tempo=_SHARE * _ALONE.tempo,
    downbeat=_SHARE * _ALONE.downbeat,
    four=_SHARE * _ALONE.four,
)


def decode(
    activations: Activations,
    *,
    metres: tuple[int, ...] = METRES,
    min_bpm: float = MIN_BPM,
    max_bpm: float = MAX_BPM,
    evidence: Evidence | None = None,
) -> BeatPath | None:
    """The most probable beats.

    Args:
        activations: n frames.
        metres: Bar lengths in beats to choose from.
        min_bpm: Slowest tempo.
        max_bpm: Fastest tempo.
        evidence: What else is heard, n frames; None to go by the activations alone.

    Returns:
        The best path over all metres, or None when the song is shorter than a beat.
    """
    lattice = build_lattice(min_bpm, max_bpm, _STIFFNESS)
    if len(activations.beat) <= lattice.shortest:
        return None
    if not _HEARD_METRES & {*metres}:
        half = activations.any_beat * np.float32(0.5)
        activations = Activations(half, half)
    heard = _NetworkWorth(activations, lattice)
    worth = FluxWorth(evidence, lattice, _WITH_NETWORK, metres) if evidence is not None else None
    paths: dict[int, RawPath] = {}
    for metre in metres:
        scores: Scores = heard
        if worth is not None:
            scores = _both(worth.of_bars(metre), heard)
        paths[metre] = best_path(lattice, scores, len(activations.beat), metre)
    metre = max(paths, key=lambda m: paths[m].score)
    return _to_peaks(paths[metre], activations, metre)


def _both(one: Scores, two: Scores) -> Scores:
    """The sum of what two say."""

    def score(begin: int, end: int) -> tuple[Floats, Floats]:
        first, other = one(begin, end)
        of_first, of_other = two(begin, end)
        first += of_first
        other += of_other
        return first, other

    return score


class _NetworkWorth:
    """Log probability of whole beats, as `best_path` wants it."""

    def __init__(self, activations: Activations, lattice: Lattice) -> None:
        self._lattice = lattice
        longest = lattice.longest
        beat = activations.beat.astype(np.float64)
        down = activations.downbeat.astype(np.float64)
        self._none = _sums(np.log(np.maximum(1 - beat - down, _FLOOR) / (_PARTS - 1)), longest)
        self._hits = [_sums(np.log(np.maximum(kind, _FLOOR)), longest) for kind in (down, beat)]

    def __call__(self, begin: int, end: int) -> tuple[Floats, Floats]:
        lengths = self._lattice.lengths
        none, hits = self._none, self._hits
        scores = np.empty((2, len(lengths), end - begin), np.float32)
        for row, length in enumerate(lengths):
            head = -(-int(length) // _PARTS)
            tail = none[begin + length : end + length] - none[begin + head : end + head]
            for kind in range(2):
                hit = hits[kind][begin + head : end + head] - hits[kind][begin:end]
                scores[kind, row] = hit + tail
        return scores[0], scores[1]


def _sums(values: Doubles, pad: int) -> Doubles:
    """Running sums with `pad` frames that say nothing on both sides; (n + 2 pad + 1,)."""
    return np.cumsum(np.concatenate((np.zeros(pad + 1), values, np.zeros(pad))))


def _to_peaks(path: RawPath, activations: Activations, metre: int) -> BeatPath:
    """Moves each beat to the peak of its first sixteenth, between frames by a parabola."""
    heard = activations.any_beat
    count = len(heard)
    frames, numbers = [], []
    for start, length, number in zip(path.starts, path.lengths, path.numbers, strict=True):
        head = int(start) + -(-int(length) // _PARTS)
        if head <= 0 or start >= count:
            continue
        frames.append(peak_between(heard, max(0, int(start)), min(count, head)) - _LATE)
        numbers.append(int(number))
    return BeatPath(np.array(frames), np.array(numbers, np.int64), metre, path.score)


def peak_between(values: Floats, begin: int, end: int) -> float:
    """Where `values` peaks in [begin, end), between frames by a parabola."""
    top = begin + int(np.argmax(values[begin:end]))
    if 0 < top < len(values) - 1:
        left, middle, right = (float(v) for v in values[top - 1 : top + 2])
        bend = left - 2 * middle + right
        if bend < 0:
            return top + float(np.clip((left - right) / (2 * bend), -0.5, 0.5))
    return float(top)
