"""The words that all trackers share: activations in, a tracking out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

FPS = 100
"""Frames a second of all activations; frame i is centred on sample i × rate / 100."""

METRES = (3, 4)
"""Beats in a bar that are looked for unless other metres are asked for."""

SAMPLE_RATE = 44_100
"""The rate trackers listen at, in Hz: madmom's networks were trained on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """How much each frame sounds like a beat.

    Attributes:
        beat: Probability of a beat that begins no bar; float32 of shape (n,), 0 to 1, FPS a second.
        downbeat: Probability of a beat that begins a bar; same shape. beat + downbeat ≤ 1.
    """

    beat: Floats
    downbeat: Floats

    @property
    def any_beat(self) -> Floats:
        """Probability of a beat of either kind."""
        total: Floats = self.beat + self.downbeat
        return total


@dataclass(frozen=True, slots=True, eq=False)
class BeatPath:
    """What a decoder made of activations.

    Attributes:
        frames: Beats in order of time, frames of FPS; float64, since peaks are interpolated.
        numbers: Place of each beat in its bar, from 1.
        beats_per_bar: Metre of the whole song.
        log_probability: Of the best path, for comparing paths over the same frames.
    """

    frames: Doubles
    numbers: Ints
    beats_per_bar: int
    log_probability: float


@dataclass(frozen=True, slots=True)
class TempoScore:
    """A tempo that the song may have: BPM and its share of the evidence."""

    bpm: float
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Tracking:
    """A tracker's answer.

    Attributes:
        times: Beats in seconds from the first sample, strictly increasing, inside the song.
        numbers: Place of each beat in its bar, from 1.
        trust: How likely the beats around each one are right, 0 to 1.
        bpm: Tempo over the song.
        confidence: How likely the beats are right, 0 to 1; 0 for an even grid over nothing.
        beats_per_bar: The metre.
        metre_heard: Whether the tracker heard downbeats or counted.
        steady: Whether the beats lie on one exact line.
        tempi: Up to three candidates, best first.
        analyzer: "madmom" or "librosa".
        analyzer_version: Versions of what made it.
        model_licence: Licence of the model's weights; empty without one.
    """

    times: Doubles
    numbers: Ints
    trust: Doubles
    bpm: float
    confidence: float
    beats_per_bar: int
    metre_heard: bool
    steady: bool
    tempi: tuple[TempoScore, ...]
    analyzer: str
    analyzer_version: str
    model_licence: str = ""

    @property
    def downbeats(self) -> Doubles:
        """Times of the beats that begin a bar, in seconds."""
        times: Doubles = self.times[self.numbers == 1]
        return times
