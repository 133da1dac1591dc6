"""Finds where exactly, off the 10 ms grid, the sound near a beat sets in.

Short windows (9 ms) every 1.5 ms, only around the beats. For a symmetric window the rise of the log
spectrum is steepest when the window's middle passes the attack, so the flux's peak is the onset
without a correction that depends on the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from beatstitch_analyzer.beats.model import SAMPLE_RATE, Doubles, Floats
from beatstitch_analyzer.beats.pieces import cut_out

_WINDOW = 384
_HOP = 66
_REACH_S = 0.05
_MARGIN_S = 0.03
_LAG = 2
_SOONER_S = 0.0015
"""Played notes rise fastest 3 to 4 ms after they begin, clicks are seen 3 ms before, when the
window's rim touches them: between the two."""
_NEAR_S = 0.015
_CLEAR = 4.0
_EDGES_HZ = (30, 150, 400, 1000, 2500, 6000, 16000)
_FLOOR = 1e-4
_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Attacks:
    """What was heard near each beat.

    Attributes:
        times: Seconds; the given time where nothing was clear.
        clear: Whether an onset was clear.
        strengths: Height of the onset's peak, in any unit, ≥ 0; (n,).
    """

    times: Doubles
    clear: NDArray[np.bool_]
    strengths: Doubles


def find_attacks(samples: Floats, times: Doubles) -> Attacks:
    """Moves each time to the clearest onset within ± 50 ms, near ones first.

    Args:
        samples: Mono float32, SAMPLE_RATE Hz.
        times: Seconds, ascending.

    Returns:
        One answer a time.
    """
    parts = [_attacks(samples, times[i : i + _BATCH]) for i in range(0, len(times), _BATCH)]
    if not parts:
        return Attacks(np.zeros(0), np.zeros(0, bool), np.zeros(0))
    return Attacks(
        np.concatenate([p.times for p in parts]),
        np.concatenate([p.clear for p in parts]),
        np.concatenate([p.strengths for p in parts]),
    )


def _attacks(samples: Floats, times: Doubles) -> Attacks:
    flux, offsets = _flux_around(samples, times)
    weight = np.exp(-0.5 * (offsets / _NEAR_S) ** 2) * (np.abs(offsets) <= _REACH_S)
    # An onset is a peak of its own, not the slope of one outside.
    peak = np.zeros(flux.shape, bool)
    peak[:, 1:-1] = (flux[:, 1:-1] > flux[:, :-2]) & (flux[:, 1:-1] >= flux[:, 2:])
    top = (flux * weight * peak).argmax(axis=1)
    # Where there is no peak at all the row's first column is "found".
    top = np.clip(top, 1, flux.shape[1] - 2)
    rows = np.arange(len(times))
    height = flux[rows, top]
    usual = np.median(flux, axis=1)
    clear = peak[rows, top] & (height > _CLEAR * usual + 0.15)
    left, right = flux[rows, top - 1], flux[rows, top + 1]
    bend = left - 2 * height + right
    shift = np.where(bend < 0, (left - right) / np.where(bend < 0, 2 * bend, 1), 0.0)
    found = times + offsets[top] + np.clip(shift, -0.5, 0.5) * (_HOP / SAMPLE_RATE)
    return Attacks(np.where(clear, found - _SOONER_S, times), clear, height)


def _flux_around(samples: Floats, times: Doubles) -> tuple[Doubles, Doubles]:
    """Flux near each time, (n, m), and the offsets of its columns in seconds, (m,)."""
    half = round((_REACH_S + _MARGIN_S) * SAMPLE_RATE / _HOP)
    steps = np.arange(-half, half + 1 + _LAG)
    centres = np.round(times * SAMPLE_RATE).astype(np.int64)
    pad = (half + _LAG + 1) * _HOP + _WINDOW
    begin, end = int(centres[0]) - pad, int(centres[-1]) + pad
    sound = cut_out(samples, begin, end)
    starts = centres[:, None] + steps[None, :] * _HOP - _WINDOW // 2 - begin
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[starts]
    taper = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(fft.rfft(windows * taper, axis=2)) ** 2
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    edges = np.searchsorted(hertz, _EDGES_HZ)
    energy = np.add.reduceat(power, edges, axis=2)[:, :, :-1] / _WINDOW
    levels = np.log10(energy / np.maximum(energy.max(axis=(1, 2), keepdims=True), 1e-9) + _FLOOR)
    rise = np.maximum(levels[:, _LAG:] - levels[:, :-_LAG], 0).sum(axis=2)
    # What rises between window k − lag and window k sets in half-way.
    offsets = (steps[_LAG:] - _LAG / 2) * _HOP / SAMPLE_RATE
    return rise, offsets
