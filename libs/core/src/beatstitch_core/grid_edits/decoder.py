"""What listens to a song again; the only part of a correction that is not arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from beatstitch.v1.beat_grid_pb2 import ConstantTempo


@dataclass(frozen=True, slots=True)
class Decoded:
    """Beats near a tempo.

    Attributes:
        time_us: Strictly increasing; empty where nothing is found.
        numbers: Place of each in its bar, from 1.
        confidences: How sure each is, 0 to 1.
        beats_per_bar: The metre that fits best.
        constant_tempo: Set when all beats are exactly on it.
    """

    time_us: Sequence[int]
    numbers: Sequence[int]
    confidences: Sequence[float]
    beats_per_bar: int
    constant_tempo: ConstantTempo | None = None


class Decoder(Protocol):
    """Listens again."""

    def decode(self, bpm: float, tolerance: float, near_us: Sequence[int] = ()) -> Decoded:
        """The best beats of about this tempo.

        Args:
            bpm: Beats per minute.
            tolerance: How far off the tempo may be, as a share: 0.04 for 4 %.
            near_us: Times that are known to be near beats: a person's taps.

        Raises:
            BeatStitchError: What the tracker heard is not there any more.
        """
        ...
