"""A stretch of a song, of the length that was asked for."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import Floats


def cut_out(samples: Floats, begin: int, end: int) -> Floats:
    """samples[begin:end] with silence where the song has not begun or is over."""
    wanted = end - begin
    inside = samples[max(begin, 0) : max(end, 0)]
    if len(inside) == wanted:
        return inside
    before = min(max(-begin, 0), wanted)
    return np.pad(inside, (before, wanted - before - len(inside)))
