"""Trackers that remember what they heard, so that it can be kept for corrections."""

from __future__ import annotations

from typing import cast

from beatstitch_analyzer.beats.flux import Evidence, hear
from beatstitch_analyzer.beats.madmom_model import MadmomModel
from beatstitch_analyzer.beats.model import Activations, Floats
from beatstitch_analyzer.beats.trackers import (
    Heard,
    LibrosaTracker,
    MadmomTracker,
    Tracker,
    TrackerName,
)


class _KeepingModel:
    """madmom's networks, and what they said last."""

    def __init__(self, model: MadmomModel) -> None:
        self._model = model
        self.said: Activations | None = None

    def activations(self, samples: Floats) -> Activations:
        """What the networks hear."""
        self.said = self._model.activations(samples)
        return self.said


class KeepingMadmom(MadmomTracker):
    """madmom, with the activations of the song it listened to last."""

    def __init__(self) -> None:
        super().__init__()
        self._keeper = _KeepingModel(self._model)
        self._model = cast("MadmomModel", self._keeper)

    @property
    def kept(self) -> Activations | None:
        """None before the first song."""
        return self._keeper.said


class KeepingLibrosa(LibrosaTracker):
    """The fallback, with the evidence of the song it listened to last."""

    kept: Evidence | None = None

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats. Hearing twice takes 2 ms for a second of music."""
        self.kept = hear(samples)
        return super().listen(samples)


def load_keeping(name: TrackerName) -> Tracker:
    """As `trackers.load_tracker`; what was heard is then `kept_of` the tracker."""
    return KeepingMadmom() if name == "madmom" else KeepingLibrosa()


def kept_of(tracker: Tracker) -> Activations | Evidence | None:
    """What a tracker of `load_keeping` heard last."""
    return tracker.kept if isinstance(tracker, KeepingMadmom | KeepingLibrosa) else None
