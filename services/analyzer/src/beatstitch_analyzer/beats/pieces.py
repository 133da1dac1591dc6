"""A stretch of a song, of the length that was asked for.

A song may lie in a file that is mapped into memory (`Pcm.array`): an hour of it is 635 MB, so only
the stretch that is being read stays in memory.
"""

from __future__ import annotations

import mmap

import numpy as np

from beatstitch_analyzer.beats.model import Floats

_LOOK = 1 << 20


def cut_out(samples: Floats, begin: int, end: int) -> Floats:
    """samples[begin:end] with silence where the song has not begun, is over or holds no number."""
    let_go(samples)
    wanted = end - begin
    inside = np.asarray(samples[max(begin, 0) : max(end, 0)])
    if not np.isfinite(inside).all():
        inside = np.nan_to_num(inside, nan=0.0, posinf=0.0, neginf=0.0)
    if len(inside) == wanted:
        return inside
    before = min(max(-begin, 0), wanted)
    return np.pad(inside, (before, wanted - before - len(inside)))


def loudest(samples: Floats) -> float:
    """The largest magnitude of a song, 0 where there is none."""
    peak = 0.0
    for first in range(0, len(samples), _LOOK):
        part = cut_out(samples, first, min(first + _LOOK, len(samples)))
        peak = max(peak, float(part.max()), -float(part.min()))
    return peak


def let_go(samples: Floats) -> None:
    """Takes the pages of a mapped song out of this process; they are read again when touched."""
    if isinstance(samples, np.memmap) and isinstance(samples.base, mmap.mmap):
        samples.base.madvise(mmap.MADV_DONTNEED)
