"""Where beats fall in time, for a steady, drawn or computed tempo."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

TempoMap = Callable[[float], float] | Sequence[tuple[float, float]]
"""Either a function from beat number to BPM, or (beat, BPM) points joined by straight lines."""


class BeatClock:
    """Turns beat positions into seconds.

    The tempo is constant within a beat, so the beat times are the exact truth and everything
    between two beats lies on the straight line between them.

    Args:
        bpm: Tempo in beats a minute; ignored where `tempo_map` says otherwise.
        beats: Number of beats to lay out.
        lead_in_s: Time of beat 0 in seconds.
        tempo_map: A drifting tempo, or None for a steady one.
    """

    def __init__(
        self, bpm: float, beats: int, lead_in_s: float = 0.0, tempo_map: TempoMap | None = None
    ) -> None:
        if tempo_map is None:
            # Multiplied, not summed: beat 5000 is as exact as beat 1.
            self.times_s = lead_in_s + np.arange(beats + 1) * (60.0 / bpm)
            return
        lengths = [60.0 / tempo_at(tempo_map, float(beat)) for beat in range(beats)]
        self.times_s = lead_in_s + np.concatenate(([0.0], np.cumsum(lengths)))

    def at(self, beat: float) -> float:
        """Returns the time of a (fractional) beat in seconds; extrapolates past both ends."""
        index = int(np.clip(np.floor(beat), 0, len(self.times_s) - 2))
        start, end = self.times_s[index], self.times_s[index + 1]
        return float(start + (beat - index) * (end - start))

    def beats_us(self, count: int) -> list[int]:
        """Returns the first `count` beat times in integer microseconds."""
        return [round(float(t) * 1_000_000) for t in self.times_s[:count]]


def tempo_at(tempo_map: TempoMap, beat: float) -> float:
    """Returns the BPM a map gives at a beat."""
    if callable(tempo_map):
        return float(tempo_map(beat))
    points: NDArray[np.float64] = np.asarray(tempo_map, dtype=np.float64)
    return float(np.interp(beat, points[:, 0], points[:, 1]))
