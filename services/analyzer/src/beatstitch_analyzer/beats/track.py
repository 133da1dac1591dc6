"""Sound in, beats out: listen, put beats on their attacks, find the line under a steady tempo."""

from __future__ import annotations

import numpy as np
from scipy import signal

from beatstitch_analyzer.beats.attack import find_attacks
from beatstitch_analyzer.beats.drift import even_out
from beatstitch_analyzer.beats.model import (
    FPS,
    SAMPLE_RATE,
    BeatPath,
    Doubles,
    Floats,
    Ints,
    TempoScore,
    Tracking,
)
from beatstitch_analyzer.beats.pieces import cut_out
from beatstitch_analyzer.beats.steady import fit_line, lay_out
from beatstitch_analyzer.beats.tempo import measure_levels, score_tempi
from beatstitch_analyzer.beats.trackers import Heard, Tracker
from beatstitch_analyzer.beats.trust import judge

EVEN_BPM = 120.0

_EDGE_S = 0.1
_MIN_FOUND = 2


def track(samples: Floats, sample_rate: int, tracker: Tracker) -> Tracking:
    """The beats of a song.

    Args:
        samples: Mono float32, (n,), full scale ±1; values that are no numbers count as silence.
        sample_rate: In Hz; best SAMPLE_RATE.
        tracker: Who listens.

    Returns:
        Beats inside [0, n / sample_rate]; an even grid of confidence 0 where nothing was found.
    """
    duration = len(samples) / sample_rate
    sound = _prepare(samples, sample_rate)
    heard = tracker.listen(sound)
    if heard.path is None:
        return _even(duration, tracker)
    times, numbers = _audible(heard.path, heard, duration)
    if len(times) < _MIN_FOUND:
        return _even(duration, tracker)
    attacks = find_attacks(sound, times)
    times = np.clip(attacks.times, 0, duration)
    line = fit_line(times, attacks.clear.astype(np.float64))
    if line is not None:
        times, numbers = lay_out(line, numbers, heard.path.beats_per_bar, duration)
    else:
        times = np.clip(even_out(times, attacks.clear.astype(np.float64)), 0, duration)
    bpm = line.bpm if line is not None else 60.0 / float(np.median(np.diff(times)))
    trust = judge(heard, times)
    if trust.song <= 0:
        return _even(duration, tracker)
    return Tracking(
        times=times,
        numbers=numbers,
        trust=trust.beats,
        bpm=bpm,
        confidence=trust.song,
        beats_per_bar=heard.path.beats_per_bar,
        metre_heard=heard.metre_heard,
        steady=line is not None,
        tempi=_tempi(bpm, heard.evidence, times),
        analyzer=tracker.name,
        analyzer_version=tracker.version,
        model_licence=tracker.model_licence,
    )


def _prepare(samples: Floats, sample_rate: int) -> Floats:
    """Resamples to SAMPLE_RATE; songs that are decoded for it are left in their file."""
    if sample_rate == SAMPLE_RATE:
        return samples
    sound = signal.resample_poly(cut_out(samples, 0, len(samples)), SAMPLE_RATE, sample_rate)
    converted: Floats = sound.astype(np.float32)
    return converted


def _audible(path: BeatPath, heard: Heard, duration: float) -> tuple[Doubles, Ints]:
    """The path's beats while there is something to hear; silence before and after gets none."""
    times = path.frames / FPS
    first, last = heard.first - _EDGE_S, min(heard.last + _EDGE_S, duration)
    inside = (times >= first) & (times <= last)
    return times[inside], path.numbers[inside]


def _even(duration: float, tracker: Tracker) -> Tracking:
    """A grid for a song without beats: cuts have to fall somewhere, but nobody shall trust it."""
    period = 60.0 / EVEN_BPM
    times: Doubles = np.arange(max(1, int(np.ceil(duration / period - 1e-9)))) * np.float64(period)
    return Tracking(
        times=times,
        numbers=np.arange(len(times)) % 4 + 1,
        trust=np.zeros(len(times)),
        bpm=EVEN_BPM,
        confidence=0.0,
        beats_per_bar=4,
        metre_heard=False,
        steady=True,
        tempi=(),
        analyzer=tracker.name,
        analyzer_version=tracker.version,
        model_licence=tracker.model_licence,
    )


def _tempi(bpm: float, evidence: Floats, times: Doubles) -> tuple[TempoScore, ...]:
    if len(times) <= _MIN_FOUND:
        return (TempoScore(bpm, 1.0),)
    return score_tempi(bpm, measure_levels(evidence, times))
