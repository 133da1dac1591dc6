"""The two trackers behind one face: sound in, evidence and a path of beats out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from beatstitch_analyzer.beats.decode_flux import bar_contrast, decode_flux
from beatstitch_analyzer.beats.decode_rnn import decode
from beatstitch_analyzer.beats.flux import Evidence, hear
from beatstitch_analyzer.beats.madmom_model import MODEL_LICENCE, MadmomModel
from beatstitch_analyzer.beats.model import FPS, METRES, Activations, BeatPath, Floats
from beatstitch_analyzer.beats.versions import tracker_version

TrackerName: TypeAlias = Literal["madmom", "librosa"]

_ACTIVE = 0.05
_SILENCE, _QUIET = 0.01, 1e-3
_BAR_CONTRAST = 0.35
_DERIVED_METRE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a tracker found.

    Attributes:
        onsets: What sets in when; n frames, FPS a second.
        activations: What the networks heard of the same frames; None without networks.
        path: The beats; None where there are none.
        first: First moment at which there is anything to follow, in seconds.
        last: Last such moment.
        metre_heard: Whether the bars were heard or counted.
    """

    onsets: Evidence
    activations: Activations | None = None
    path: BeatPath | None = None
    first: float = 0.0
    last: float = 0.0
    metre_heard: bool = False

    @property
    def evidence(self) -> Floats:
        """How much each frame sounds like a beat, (n,), any unit."""
        return self.onsets.onset if self.activations is None else self.activations.any_beat


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
        activations, onsets = self._model.activations(samples), hear(samples)
        path = decode(activations, metres=self.metres, evidence=onsets)
        active = np.flatnonzero(activations.any_beat >= _ACTIVE)
        if path is None or not len(active):
            return Heard(onsets, activations)
        first, last = float(active[0]) / FPS, float(active[-1]) / FPS
        return Heard(onsets, activations, path, first, last, metre_heard=True)


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
        loudest = float(heard.loudness.max(initial=0.0))
        audible = np.flatnonzero(heard.loudness > _SILENCE * max(_QUIET, loudest))
        if path is None or not len(audible) or loudest < _QUIET:
            return Heard(heard)
        first, last = float(audible[0]) / FPS, float(audible[-1]) / FPS
        metre_heard = bar_contrast(heard, path) >= _BAR_CONTRAST
        if not metre_heard:
            path = _counted(path, first, self.metres)
        return Heard(heard, None, path, first, last, metre_heard)


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


def _counted(path: BeatPath, first: float, metres: tuple[int, ...]) -> BeatPath:
    """The same beats, bars (of four, where that may be) counted from the first audible one."""
    metre = _DERIVED_METRE if _DERIVED_METRE in metres else path.beats_per_bar
    before = int(np.count_nonzero(path.frames / FPS < first - 0.1))
    numbers = (np.arange(len(path.frames)) - before) % metre + 1
    return BeatPath(path.frames, numbers, metre, path.log_probability)
