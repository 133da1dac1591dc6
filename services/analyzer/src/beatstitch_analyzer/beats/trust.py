"""How likely the beats are right, by how alike what is heard from beat to beat is.

Under right beats a song repeats: what sets in between one beat and the next sets in at the same
places of the beats after it. Noise, a drone, speech or rain does not, wherever a tracker puts its
beats, and however strong the onsets are that it chose. Measured in parts of a beat, a tempo that
drifts costs nothing.

The curve was fitted to one half of 275 pieces (songs, excerpts, songs under noise, fifteen kinds of
sound without a beat) and checked on the other; right means F ≥ 0.8, so a song tracked at half or
double tempo counts as wrong although it repeats: that is why no song is sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from beatstitch_analyzer.beats.model import FPS, Doubles, Floats
from beatstitch_analyzer.beats.trackers import Heard

_PARTS = 12
_BEATS_APART = (1, 2, 3, 4)
_AROUND = 17
_FAINT = 0.1
_SLOPE, _OFFSET = 4.8, -2.6
_NOTHING = 0.2
_UNAIDED = 0.7
"""The most that is claimed without a network, see the contract of `bpm_confidence`."""


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """How likely beats are right, 0 to 1.

    Attributes:
        song: All of them; 0 where there is nothing to follow.
        beats: Around each beat, half by itself and half by the song; (n,).
    """

    song: float
    beats: Doubles


def judge(heard: Heard, times: Doubles) -> Trust:
    """How likely the beats are right.

    Args:
        heard: What a tracker heard.
        times: The beats that were made of it, in seconds, ascending; (n,), n ≥ 2.
    """
    ears = [ndimage.maximum_filter1d(heard.onsets.onset, 3)]
    if heard.activations is not None:
        ears.append(heard.activations.any_beat)
    song, around = np.zeros(len(ears)), np.zeros((len(ears), len(times)))
    for index, evidence in enumerate(ears):
        alike, energy = _repetition(evidence, times)
        song[index] = max(0.0, alike.sum() / max(energy.sum(), 1e-6))
        near = np.ones(min(_AROUND, len(times)))
        alike, energy = (np.convolve(v, near, "same") for v in (alike, energy))
        around[index] = np.maximum(alike, 0) / np.maximum(energy + _FAINT * energy.mean(), 1e-6)
    most = 1.0 if heard.activations is not None else _UNAIDED
    whole = _SLOPE * float(song.mean()) + _OFFSET
    sure = _probability(np.array(whole))
    if sure < _NOTHING:
        return Trust(0.0, np.zeros(len(times)))
    each = _probability((whole + _SLOPE * around.mean(axis=0) + _OFFSET) / 2)
    return Trust(min(float(sure), most), np.minimum(each, most))


def _repetition(evidence: Floats, times: Doubles) -> tuple[Doubles, Doubles]:
    """Of each beat, what it shares with the next and the last ones, and what it has; (n,) each."""
    lengths = np.diff(times, append=2 * times[-1] - times[-2])
    places = (times[:, None] + lengths[:, None] * (np.arange(_PARTS) / _PARTS)) * FPS
    shape = np.interp(places.ravel(), np.arange(len(evidence)), evidence).reshape(places.shape)
    shape -= shape.mean()
    shared, pairs = np.zeros(len(times)), np.zeros(len(times))
    for apart in _BEATS_APART:
        product = (shape[apart:] * shape[:-apart]).sum(axis=1)
        for part in (slice(None, -apart), slice(apart, None)):
            shared[part] += product
            pairs[part] += 1
    return shared / np.maximum(pairs, 1), (shape**2).sum(axis=1)


def _probability(evidence: Doubles) -> Doubles:
    odds: Doubles = 1 / (1 + np.exp(-evidence))
    return odds
