"""Finds the best beats and bars over a whole song, given what each possible beat is worth.

The model is the bar pointer of Krebs, Böck, Widmer, "An efficient state-space model for joint tempo
and meter tracking" (ISMIR 2015): a beat lasts a whole number of frames, and its length changes only
from one beat to the next. Inside a beat nothing is decided, so instead of stepping through every
state of the pointer, whole beats are scored. No beat is shorter than `shortest` frames, so that
many frames are decoded at once: a minute of music takes a third of a second in numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beatstitch_analyzer.beats.model import FPS, Floats, Ints

MIN_BPM = 55.0
MAX_BPM = 215.0
_AHEAD = 2048
"""Frames whose beats are scored at once: all of an hour's would be a gigabyte."""
_REACH = 8
"""A beat's length differs from the last one's by at most so many frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Which beats are possible.

    Attributes:
        lengths: Lengths of a beat in frames, ascending without gaps; (k,).
        change: change[row, new] = log P(length new | length new + row − reach); (2 reach + 1, k).
    """

    lengths: Ints
    change: Floats

    @property
    def shortest(self) -> int:
        """Frames of the shortest beat."""
        return int(self.lengths[0])

    @property
    def longest(self) -> int:
        """Frames of the longest beat; also the silence around the song in scores."""
        return int(self.lengths[-1])

    @property
    def reach(self) -> int:
        """Largest change of length from beat to beat."""
        return len(self.change) // 2


class Scores(Protocol):
    """What possible beats are worth."""

    def __call__(self, begin: int, end: int) -> tuple[Floats, Floats]:
        """The first beat of a bar, and the others, each (lengths, end − begin).

        Args:
            begin: Of the beats that begin here to one before `end`; frame 0 lies `longest` frames
                before the song, so that beats may begin before it and end after it.
            end: At most longest + frames of the song.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RawPath:
    """A path through the lattice.

    Attributes:
        starts: First frame of each beat, ascending; may lie before the song's first frame.
        lengths: Length of each beat in frames.
        numbers: Place in the bar, from 1.
        score: Log probability or the like.
    """

    starts: Ints
    lengths: Ints
    numbers: Ints
    score: float


def build_lattice(min_bpm: float, max_bpm: float, stiffness: float) -> Lattice:
    """The lattice for a range of tempi.

    Args:
        min_bpm: Slowest tempo.
        max_bpm: Fastest tempo.
        stiffness: How strongly a beat resists being longer or shorter than the last (madmom's λ).
    """
    shortest = max(8, int(np.floor(60 * FPS / max_bpm)))
    lengths = np.arange(shortest, max(shortest + 2, int(np.ceil(60 * FPS / min_bpm)) + 1))
    ratio = lengths[None, :] / lengths[:, None]
    weights = np.exp(-stiffness * np.abs(ratio - 1))
    weights /= weights.sum(axis=1, keepdims=True)
    reach = min(_REACH, len(lengths) - 1)
    change = np.full((2 * reach + 1, len(lengths)), -np.inf, np.float32)
    for row in range(2 * reach + 1):
        offset = row - reach
        new = np.arange(max(0, -offset), min(len(lengths), len(lengths) - offset))
        change[row, new] = np.log(weights[new + offset, new])
    return Lattice(lengths, change)


def best_path(lattice: Lattice, scores: Scores, count: int, metre: int) -> RawPath:
    """Viterbi over beats.

    Args:
        lattice: The possible beats.
        scores: What they are worth.
        count: Frames of the song.
        metre: Beats in a bar, 1 to 12.

    Returns:
        The best path that covers the song.
    """
    lengths, longest = lattice.lengths, lattice.longest
    kinds, frames = len(lengths), longest + count
    total = frames + longest
    # recent[l, b, t − horizon]: the best of everything before t, given that beat b of the bar
    # begins at t with length l. No beat reaches back further than the longest, so only that much is
    # kept.
    recent = np.full((kinds, metre, longest + 1), -np.log(metre * lengths.sum()), np.float32)
    horizon = 0
    came = np.zeros((total, metre, kinds), np.int8)
    rows = np.arange(kinds)[:, None]
    scored = 0
    for begin in range(longest + 1, total, lattice.shortest):
        end = min(begin + lattice.shortest, total)
        if min(end, frames) > scored:
            low, scored = begin - longest, min(begin + _AHEAD, frames)
            first, other = scores(low, scored)
        starts = np.arange(begin, end)[None, :] - lengths[:, None]
        inside = starts < frames
        places = np.minimum(starts, frames - 1) - low
        worth = np.where(inside, other[rows, places], -np.inf)
        of_first = np.where(inside, first[rows, places], -np.inf)
        # gained[l, b, t]: the best that ends at t with a beat of length l before beat b of the bar.
        gained = np.empty((kinds, metre, end - begin), np.float32)
        for beat in range(metre):
            ended = recent[rows, beat, starts - horizon]
            np.add(of_first if beat == 0 else worth, ended, out=gained[:, (beat + 1) % metre])
        fresh, rows_taken = _change_length(gained, lattice)
        came[begin:end] = rows_taken.transpose(2, 1, 0)
        recent = np.concatenate((recent[:, :, end - begin :], fresh), axis=2)
        horizon = end - longest - 1
    tail = recent[:, :, frames - horizon :].transpose(2, 1, 0)
    return _trace(lattice, tail, came, frames)


def _change_length(gained: Floats, lattice: Lattice) -> tuple[Floats, NDArray[np.int8]]:
    """Max over old of gained[old] + log P(new | old), and the row of `change` it came by.

    Args:
        gained: (lengths, metre, block).
        lattice: The possible beats.

    Returns:
        Both (lengths, metre, block).
    """
    kinds, reach = len(gained), lattice.reach
    best = np.full(gained.shape, -np.inf, np.float32)
    came = np.zeros(gained.shape, np.int8)
    value, better = np.empty_like(gained), np.empty(gained.shape, np.bool_)
    for row, change in enumerate(lattice.change):
        offset = row - reach
        low, high = max(0, -offset), min(kinds, kinds - offset)
        new, old = slice(low, high), slice(low + offset, high + offset)
        np.add(gained[old], change[new, None, None], out=value[new])
        np.greater(value[new], best[new], out=better[new])
        np.maximum(value[new], best[new], out=best[new])
        # Rows ascend, so the last better one is the largest: no branches.
        taken = better[new].view(np.int8)
        taken *= np.int8(row)
        np.maximum(came[new], taken, out=came[new])
    return best, came


def _trace(lattice: Lattice, tail: Floats, came: NDArray[np.int8], frames: int) -> RawPath:
    """Follows the best path back; `tail` is what each beat that begins after the song comes to."""
    time, beat, kind = (int(v) for v in np.unravel_index(int(np.argmax(tail)), tail.shape))
    score = float(tail[time, beat, kind])
    metre = tail.shape[1]
    time += frames
    found: list[tuple[int, int, int]] = []
    while time > lattice.longest:
        kind += int(came[time, beat, kind]) - lattice.reach
        beat = (beat - 1) % metre
        time -= int(lattice.lengths[kind])
        found.append((time - lattice.longest, int(lattice.lengths[kind]), beat + 1))
    found.reverse()
    table = np.array(found, np.int64).reshape(-1, 3)
    return RawPath(table[:, 0], table[:, 1], table[:, 2], score)
