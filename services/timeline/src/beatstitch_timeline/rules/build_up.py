"""Faster and faster: shots of 8, then 4, then 2 beats, then one on each beat."""

from __future__ import annotations


def build_up(stretch: range, from_beats: int, to_beats: int) -> list[int]:
    """Beats to cut on, in shots that never become longer.

    Each step takes the share of the stretch that is left to it, in whole shots: a shot begins where
    at least half of it lies inside the step's share. A step whose share is shorter than half a shot
    of it is left out, so a short stretch begins with shorter shots.

    Args:
        stretch: Indices of the beats.
        from_beats: Length of the first shots in beats.
        to_beats: Length of the last shots in beats, at most from_beats.
    """
    lengths = steps(from_beats, to_beats)
    chosen, done, last = [], 0, len(lengths) - 1
    for step, length in enumerate(lengths):
        # In units of 1/(2 × steps) beats, so that a share's end and half a shot are whole numbers.
        share_end = 2 * len(stretch) * (step + 1)
        while done < len(stretch) and (
            step == last or len(lengths) * (2 * done + length) < share_end
        ):
            chosen.append(stretch[done])
            done += length
    return chosen


def steps(from_beats: int, to_beats: int) -> list[int]:
    """The lengths of shots, halved until the last: 8, 4, 2, 1."""
    lengths = [from_beats]
    while lengths[-1] > to_beats:
        lengths.append(max(to_beats, lengths[-1] // 2))
    return lengths
