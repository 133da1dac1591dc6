"""Finds the best beats and bars over a whole song, given what each possible beat is worth.

The model is the bar pointer of Krebs, Böck, Widmer, "An efficient state-space model for joint tempo
and meter tracking" (ISMIR 2015): a beat lasts a whole number of frames, and its length changes only
from one beat to the next. Inside a beat nothing is decided, so instead of stepping through every
state of the pointer, whole beats are scored. No beat is shorter than `shortest` frames, so that
many frames are decoded at once: a minute of music takes a third of a second in numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatstitch_analyzer.beats.model import FPS, Floats, Ints

MIN_BPM = 55.0
MAX_BPM = 215.0
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


def best_path(lattice: Lattice, first: Floats, other: Floats, metre: int) -> RawPath:
    """Viterbi over beats.

    Args:
        lattice: The possible beats.
        first: What the first beat of a bar is worth, (lengths, longest + frames): one of length
            `lengths[k]` that begins at frame t − longest. Beats may begin before the song and end
            after it.
        other: The same for the other beats of a bar.
        metre: Beats in a bar, 1 to 12.

    Returns:
        The best path that covers the song.
    """
    lengths, longest = lattice.lengths, lattice.longest
    kinds, frames = first.shape
    total = frames + longest
    # recent[t − horizon, b, l]: the best of everything before t, given that beat b of the bar
    # begins at t with length l. No beat reaches back further than the longest, so only that much is
    # kept.
    recent = np.full((longest + 1, metre, kinds), -np.log(metre * lengths.sum()), np.float32)
    horizon = 0
    came = np.zeros((total, metre, kinds), np.int8)
    columns = np.arange(kinds)[None, :]
    for begin in range(longest + 1, total, lattice.shortest):
        end = min(begin + lattice.shortest, total)
        starts = np.arange(begin, end)[:, None] - lengths[None, :]
        inside = starts < frames
        clipped = np.minimum(starts, frames - 1)
        ended = recent.transpose(0, 2, 1)[starts - horizon, columns]  # (block, lengths, metre)
        worth = np.where(inside, other[columns, clipped], -np.inf)[..., None]
        gained = np.repeat(worth, metre, axis=2)
        gained[..., 0] = np.where(inside, first[columns, clipped], -np.inf)
        gained += ended
        block = np.ascontiguousarray(np.roll(gained.transpose(0, 2, 1), 1, axis=1))
        fresh = np.full((end - begin, metre, kinds), -np.inf, np.float32)
        _change_length(block, lattice, fresh, came[begin:end])
        recent = np.concatenate((recent[end - begin :], fresh))
        horizon = end - longest - 1
    return _trace(lattice, recent[frames - horizon :], came, frames)


def _change_length(ended: Floats, lattice: Lattice, best: Floats, came: NDArray[np.int8]) -> None:
    """best[…, new] = max over old of ended[…, old] + log P(new | old); `came`: row of `change`."""
    kinds = ended.shape[2]
    for row in range(len(lattice.change)):
        offset = row - lattice.reach
        low, high = max(0, -offset), min(kinds, kinds - offset)
        value = ended[:, :, low + offset : high + offset] + lattice.change[row, low:high]
        better = value > best[:, :, low:high]
        np.copyto(best[:, :, low:high], value, where=better)
        np.copyto(came[:, :, low:high], row, where=better)


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
