"""How many beats a minute it may be: the beats that were found, twice as many, half as many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Doubles, Floats, TempoScore

_USUAL_BPM = 120.0
_USUAL_OCTAVES = 0.9
_RATIOS = (0.5, 1.0, 2.0)
_LIMITS_BPM = (30.0, 300.0)


@dataclass(frozen=True, slots=True)
class Levels:
    """How much is heard at three metrical levels, each ≥ 0.

    Attributes:
        on: Mean of the evidence on the beats.
        between: Mean half-way between two beats.
        alternation: Difference of every other beat, as a share of `on`: 1 when each second beat is
            silent.
    """

    on: float
    between: float
    alternation: float


def measure_levels(evidence: Floats, times: Doubles) -> Levels:
    """Reads the evidence (n,) of FPS at and between the beats; needs three beats."""
    on = read_evidence(evidence, times)
    between = read_evidence(evidence, (times[1:] + times[:-1]) / 2)
    strong = float(on.mean())
    split = abs(float(on[::2].mean()) - float(on[1::2].mean()))
    return Levels(strong, float(between.mean()), min(1.0, split / max(2 * strong, 1e-9)))


def score_tempi(bpm: float, levels: Levels) -> tuple[TempoScore, ...]:
    """Candidates at half, same and double tempo, best first; their scores add up to 1."""
    doubled = min(1.0, levels.between / max(levels.on, 1e-9))
    evidence = {0.5: levels.alternation, 1.0: 1.0, 2.0: doubled}
    scores = {}
    for ratio in _RATIOS:
        candidate = bpm * ratio
        if not _LIMITS_BPM[0] <= candidate <= _LIMITS_BPM[1]:
            continue
        octaves = np.log2(candidate / _USUAL_BPM) / _USUAL_OCTAVES
        scores[candidate] = evidence[ratio] * float(np.exp(-0.5 * octaves**2)) + 1e-6
    total = sum(scores.values())
    ranked = sorted(scores.items(), key=lambda item: (item[0] != bpm, -item[1]))
    return tuple(TempoScore(candidate, score / total) for candidate, score in ranked)


def read_evidence(evidence: Floats, times: Doubles) -> Doubles:
    """The largest value within ± 30 ms of each time, not below 0."""
    centre = np.round(times * FPS).astype(np.int64)
    around = np.clip(centre[:, None] + np.arange(-3, 4)[None, :], 0, len(evidence) - 1)
    values: Doubles = np.maximum(evidence[around].max(axis=1), 0).astype(np.float64)
    return values
