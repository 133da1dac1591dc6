"""The exact line of a tempo that is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beatstitch.v1.beat_grid_pb2 import Beat, ConstantTempo
from beatstitch_core.timebase import US_PER_MINUTE

_ON_LINE_US = 1.0


def constant_tempo_of(
    beats: Sequence[Beat], bpm: float, first_beat_s: float
) -> ConstantTempo | None:
    """The line that the beats lie on to the microsecond; None where one lies beside it.

    Args:
        beats: In order of time.
        bpm: Beats per minute, exact.
        first_beat_s: The line's first beat in seconds.
    """
    tempo = ConstantTempo(bpm=bpm, first_beat_us=first_beat_s * 1e6)
    line = tempo.first_beat_us + np.arange(len(beats)) * (US_PER_MINUTE / bpm)
    off = np.abs(line - [beat.time_us for beat in beats])
    return tempo if float(off.max(initial=0.0)) <= _ON_LINE_US else None
