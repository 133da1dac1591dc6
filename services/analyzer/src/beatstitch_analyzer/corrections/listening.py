"""Listening again: only the decoder runs, on what the tracker heard when the song was analysed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beatstitch.v1.beat_grid_pb2 import BeatGrid, ConstantTempo
from beatstitch_analyzer.beats.decode_flux import decode_flux
from beatstitch_analyzer.beats.decode_rnn import decode, peak_between
from beatstitch_analyzer.beats.model import FPS, BeatPath, Doubles, Ints
from beatstitch_analyzer.beats.steady import Line, fit_line, lay_out
from beatstitch_analyzer.beats.trackers import Heard
from beatstitch_analyzer.beats.trust import judge
from beatstitch_analyzer.corrections.kept import Kept
from beatstitch_core.grid_edits import Decoded
from beatstitch_core.timebase import US_PER_S

_METRES = (2, 3, 4)
_ACTIVE = 0.05
_SILENCE, _QUIET = 0.01, 1e-3
_EDGE_S = 0.1
_REACH = 5
_HEARD = 0.3
_SAME_BEAT_S = 0.05


class Listening:
    """Decodes what was kept of a song, see `beatstitch_core.grid_edits.Decoder`.

    Args:
        kept: What the tracker heard.
        heard: The grid that was made of it; its beats lie on the attacks, which the evidence alone
            tells only to a frame of 10 ms.
    """

    def __init__(self, kept: Kept, heard: BeatGrid) -> None:
        self._kept = kept
        self._known = np.array([beat.time_us for beat in heard.beats], np.float64) / US_PER_S
        self._end = heard.duration_us / US_PER_S

    def decode(self, bpm: float, tolerance: float, near_us: Sequence[int] = ()) -> Decoded:
        """The best beats of about this tempo."""
        taps = np.array(near_us, np.float64) / US_PER_S
        low, high = bpm * (1 - tolerance), bpm * (1 + tolerance)
        path = _decode(self._kept, low, high)
        if path is None:
            return Decoded([], [], [], _METRES[-1])
        times, numbers = self._audible(path)
        delay = self._attack_delay(times)
        if _are_between(taps - delay, times):
            times, numbers = self._to_heard((times[1:] + times[:-1]) / 2), numbers[:-1]
        times = times + delay
        line = fit_line(times, np.ones(len(times))) if len(times) else None
        if line is not None and low * 0.99 <= line.bpm <= high * 1.01:
            times, numbers = lay_out(line, numbers, path.beats_per_bar, self._end)
        else:
            line = None
        return self._told(times, numbers, path.beats_per_bar, line)

    def _told(self, times: Doubles, numbers: Ints, metre: int, line: Line | None) -> Decoded:
        heard = Heard(self._kept.evidence, self._kept.activations)
        sure = judge(heard, times).beats if len(times) > 1 else np.zeros(len(times))
        rows: list[tuple[int, int, float]] = []
        for time, number, trust in zip(times, numbers, sure, strict=True):
            time_us = round(float(time) * US_PER_S)
            if 0 <= time_us <= self._end * US_PER_S and (not rows or time_us > rows[-1][0]):
                rows.append((time_us, int(number), float(trust)))
        constant = None
        if line is not None and rows:
            constant = ConstantTempo(bpm=line.bpm, first_beat_us=float(times[0]) * US_PER_S)
        return Decoded(
            time_us=[row[0] for row in rows],
            numbers=[row[1] for row in rows],
            confidences=[row[2] for row in rows],
            beats_per_bar=metre,
            constant_tempo=constant,
        )

    def _audible(self, path: BeatPath) -> tuple[Doubles, Ints]:
        """The path's beats while there is something to hear."""
        if self._kept.activations is not None:
            loud, level = self._kept.activations.any_beat, _ACTIVE
        else:
            loud = self._kept.evidence.loudness
            level = _SILENCE * max(_QUIET, float(loud.max()))
        active = np.flatnonzero(loud >= level)
        if not len(active):
            return np.zeros(0), np.zeros(0, np.int64)
        times = path.frames / FPS
        first, last = active[0] / FPS - _EDGE_S, min(active[-1] / FPS + _EDGE_S, self._end)
        inside = (times >= first) & (times <= last)
        return times[inside], path.numbers[inside]

    def _attack_delay(self, times: Doubles) -> float:
        """How much later than the evidence's peaks the song's attacks are, in seconds."""
        if not len(self._known) or not len(times):
            return 0.0
        place = np.clip(np.searchsorted(self._known, times), 1, max(1, len(self._known) - 1))
        around = np.stack(
            [self._known[place - 1], self._known[np.minimum(place, len(self._known) - 1)]]
        )
        delays = (around - times)[np.abs(around - times).argmin(axis=0), np.arange(len(times))]
        same = delays[np.abs(delays) < _SAME_BEAT_S]
        return float(np.median(same)) if len(same) else 0.0

    def _to_heard(self, times: Doubles) -> Doubles:
        """Each time at the nearest thing heard, where something is."""
        evidence = self._kept.strength
        enough = _HEARD * max(float(np.percentile(evidence, 98)), 1e-9)
        moved = times.copy()
        for index, centre in enumerate(np.round(times * FPS).astype(np.int64)):
            begin, end = max(0, centre - _REACH), min(len(evidence), centre + _REACH + 1)
            if end > begin and float(evidence[begin:end].max()) >= enough:
                moved[index] = peak_between(evidence, int(begin), int(end)) / FPS
        return moved if np.all(np.diff(moved) > 0) else times


def _decode(kept: Kept, low: float, high: float) -> BeatPath | None:
    if kept.activations is None:
        return decode_flux(kept.evidence, metres=_METRES, min_bpm=low, max_bpm=high)
    return decode(
        kept.activations, metres=_METRES, min_bpm=low, max_bpm=high, evidence=kept.evidence
    )


def _are_between(taps: Doubles, times: Doubles) -> bool:
    """Whether most taps are nearer to the middle between two beats than to a beat."""
    if len(times) < 2 or not len(taps):
        return False
    place = np.clip(np.searchsorted(times, taps), 1, len(times) - 1)
    phase = (taps - times[place - 1]) / (times[place] - times[place - 1])
    return bool(np.mean((phase > 0.25) & (phase < 0.75)) > 0.5)
