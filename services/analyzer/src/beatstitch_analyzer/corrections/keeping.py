"""Trackers that remember what they heard, so that it can be kept for corrections."""

from __future__ import annotations

from typing import cast

from beatstitch_analyzer.beats.flux import hear
from beatstitch_analyzer.beats.madmom_model import MadmomModel
from beatstitch_analyzer.beats.model import Activations, Floats
from beatstitch_analyzer.beats.trackers import (
    Heard,
    LibrosaTracker,
    MadmomTracker,
    Tracker,
    TrackerName,
)
from beatstitch_analyzer.corrections.kept import Kept


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
    """madmom, with what it heard of the song it listened to last."""

    def __init__(self) -> None:
        super().__init__()
        self._keeper = _KeepingModel(self._model)
        self._model = cast("MadmomModel", self._keeper)
        self.kept: Kept | None = None

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats. Hearing the onsets twice takes 2 ms for a second of music."""
        heard = super().listen(samples)
        self.kept = Kept(hear(samples), self._keeper.said)
        return heard


class KeepingLibrosa(LibrosaTracker):
    """The fallback, with what it heard of the song it listened to last."""

    kept: Kept | None = None

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats. Hearing twice takes 2 ms for a second of music."""
        self.kept = Kept(hear(samples))
        return super().listen(samples)


def load_keeping(name: TrackerName, *, metres: tuple[int, ...] = ()) -> Tracker:
    """As `trackers.load_tracker`; what was heard is then `kept_of` the tracker.

    Args:
        name: Which.
        metres: Beats in a bar to choose from; empty for the tracker's own.
    """
    tracker: Tracker = KeepingMadmom() if name == "madmom" else KeepingLibrosa()
    if metres:
        tracker.metres = metres
    return tracker


def kept_of(tracker: Tracker) -> Kept | None:
    """What a tracker of `load_keeping` heard last."""
    return tracker.kept if isinstance(tracker, KeepingMadmom | KeepingLibrosa) else None
