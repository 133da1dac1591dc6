"""The two trackers behind one face: sound in, evidence and a path of beats out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from beatstitch_analyzer.beats.decode_flux import bar_contrast, decode_flux, periodicity
from beatstitch_analyzer.beats.decode_rnn import decode
from beatstitch_analyzer.beats.flux import hear
from beatstitch_analyzer.beats.madmom_model import MODEL_LICENCE, MadmomModel
from beatstitch_analyzer.beats.model import FPS, METRES, BeatPath, Doubles, Floats
from beatstitch_analyzer.beats.tempo import read_evidence
from beatstitch_analyzer.beats.versions import tracker_version

TrackerName: TypeAlias = Literal["madmom", "librosa"]

_ACTIVE = 0.05
_CONFIDENCE_OF_ACTIVATION = ((0.0, 0.1, 0.35, 0.6, 0.8, 1.0), (0.0, 0.0, 0.5, 0.85, 0.97, 1.0))
_MIN_RISE = 4.0
_MIN_PERIODICITY = 0.1
_FALLBACK_CONFIDENCE = 0.7
_SILENCE = 0.01
_BAR_CONTRAST = 0.35
_DERIVED_METRE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a tracker found.

    Attributes:
        evidence: How much each frame sounds like a beat, (n,), FPS a second, any unit.
        path: The beats; None where there are none.
        first: First moment at which there is anything to follow, in seconds.
        last: Last such moment.
        confidence: 0 to 1; 0 where the path follows nothing.
        metre_heard: Whether the bars were heard or counted.
    """

    evidence: Floats
    path: BeatPath | None
    first: float
    last: float
    confidence: float
    metre_heard: bool


class Tracker(Protocol):
    """Finds beats; loaded once, used for any number of songs."""

    name: TrackerName
    version: str
    model_licence: str
    metres: tuple[int, ...]
    """Beats in a bar to choose from, 2 to 7."""

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats of mono float32 at SAMPLE_RATE."""
        ...


class MadmomTracker:
    """madmom's networks under our decoder."""

    name: TrackerName = "madmom"
    metres: tuple[int, ...] = METRES

    def __init__(self) -> None:
        self._model = MadmomModel()
        self.version = tracker_version("madmom") or ""
        self.model_licence = MODEL_LICENCE

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats; bars are always heard."""
        activations = self._model.activations(samples)
        path = decode(activations, metres=self.metres, evidence=hear(samples))
        evidence = activations.any_beat
        active = np.flatnonzero(evidence >= _ACTIVE)
        if path is None or not len(active):
            return Heard(evidence, None, 0.0, 0.0, 0.0, metre_heard=False)
        first, last = float(active[0]) / FPS, float(active[-1]) / FPS
        times = _inside(path, first, last)
        mean = float(read_evidence(evidence, times).mean()) if len(times) else 0.0
        confidence = float(np.interp(mean, *_CONFIDENCE_OF_ACTIVATION))
        return Heard(evidence, path, first, last, confidence, metre_heard=True)


class LibrosaTracker:
    """The fallback: flux in bands, periodicity and dynamic programming; no model."""

    name: TrackerName = "librosa"
    model_licence = ""
    metres: tuple[int, ...] = METRES

    def __init__(self) -> None:
        self.version = tracker_version("librosa") or ""

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats; bars are counted where nothing marks their beginning."""
        heard = hear(samples)
        path = decode_flux(heard, metres=self.metres)
        evidence = heard.onset
        audible = np.flatnonzero(heard.loudness > _SILENCE * max(1e-3, float(heard.loudness.max())))
        if path is None or not len(audible) or heard.loudness.max() < 1e-3:
            return Heard(evidence, None, 0.0, 0.0, 0.0, metre_heard=False)
        first, last = float(audible[0]) / FPS, float(audible[-1]) / FPS
        times = _inside(path, first, last)
        if len(times) < 2 or heard.rise < _MIN_RISE or periodicity(heard) < _MIN_PERIODICITY:
            return Heard(evidence, path, first, last, 0.0, metre_heard=False)
        metre_heard = bar_contrast(heard, path) >= _BAR_CONTRAST
        if not metre_heard:
            path = _counted(path, first, self.metres)
        return Heard(evidence, path, first, last, _FALLBACK_CONFIDENCE, metre_heard)


def load_tracker(name: TrackerName, *, metres: tuple[int, ...] = METRES) -> Tracker:
    """Loads a tracker; a second or two.

    Args:
        name: Which.
        metres: Beats in a bar to choose from, 2 to 7.

    Raises:
        ImportError: madmom is not installed.
    """
    tracker: Tracker = MadmomTracker() if name == "madmom" else LibrosaTracker()
    tracker.metres = metres
    return tracker


def _inside(path: BeatPath, first: float, last: float) -> Doubles:
    """Times of the path's beats between two moments, in seconds."""
    times = path.frames / FPS
    inside: Doubles = times[(times >= first - 0.1) & (times <= last + 0.1)]
    return inside


def _counted(path: BeatPath, first: float, metres: tuple[int, ...]) -> BeatPath:
    """The same beats, bars (of four, where that may be) counted from the first audible one."""
    metre = _DERIVED_METRE if _DERIVED_METRE in metres else path.beats_per_bar
    before = int(np.count_nonzero(path.frames / FPS < first - 0.1))
    numbers = (np.arange(len(path.frames)) - before) % metre + 1
    return BeatPath(path.frames, numbers, metre, path.log_probability)
