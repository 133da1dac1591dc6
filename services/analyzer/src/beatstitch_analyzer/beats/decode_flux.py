"""Beats and bars from onset strength alone, see `worth`."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.lattice import MAX_BPM, MIN_BPM, RawPath, best_path, build_lattice
from beatstitch_analyzer.beats.model import METRES, BeatPath
from beatstitch_analyzer.beats.worth import FluxWeights, FluxWorth, bar_evidence


def decode_flux(
    evidence: Evidence,
    weights: FluxWeights | None = None,
    *,
    metres: tuple[int, ...] = METRES,
    min_bpm: float = MIN_BPM,
    max_bpm: float = MAX_BPM,
) -> BeatPath | None:
    """The beats that the evidence speaks for; None when the song is shorter than a beat."""
    weights = weights or FluxWeights()
    lattice = build_lattice(min_bpm, max_bpm, weights.stiffness)
    count = len(evidence.loudness)
    if count <= lattice.shortest:
        return None
    worth = FluxWorth(evidence, lattice, weights, metres)
    paths: dict[int, RawPath] = {}
    for metre in metres:
        paths[metre] = best_path(lattice, worth.of_bars(metre), count, metre)
    metre = max(paths, key=lambda m: paths[m].score)
    path = paths[metre]
    inside = (path.starts >= 0) & (path.starts < count)
    return BeatPath(path.starts[inside].astype(np.float64), path.numbers[inside], metre, path.score)


def bar_contrast(evidence: Evidence, path: BeatPath) -> float:
    """How much more first beats of bars sound like ones than the others, in standard deviations."""
    clue = bar_evidence(evidence, FluxWeights())
    at = clue[np.clip(np.round(path.frames).astype(np.int64), 0, len(clue) - 1)]
    first = path.numbers == 1
    if not first.any() or first.all() or float(at.std()) < 1e-6:
        return 0.0
    return float(at[first].mean() - at[~first].mean()) / float(at.std())
