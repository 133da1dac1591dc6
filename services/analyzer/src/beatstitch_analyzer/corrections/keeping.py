"""A tracker that remembers what it heard, so that it can be kept for corrections."""

from __future__ import annotations

from beatstitch_analyzer.beats.model import Floats
from beatstitch_analyzer.beats.trackers import Heard, Tracker
from beatstitch_analyzer.corrections.kept import Kept


class Keeping:
    """Any tracker, and what it heard of the song it listened to last.

    Attributes:
        kept: None before the first song.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.name, self.version = tracker.name, tracker.version
        self.model_licence, self.metres = tracker.model_licence, tracker.metres
        self.kept: Kept | None = None

    def listen(self, samples: Floats) -> Heard:
        """Follows the beats."""
        heard = self._tracker.listen(samples)
        self.kept = Kept(heard.onsets, heard.activations)
        return heard
