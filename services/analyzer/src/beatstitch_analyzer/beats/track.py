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
from beatstitch_analyzer.beats.steady import fit_line, lay_out
from beatstitch_analyzer.beats.tempo import measure_levels, read_evidence, score_tempi
from beatstitch_analyzer.beats.trackers import Heard, Tracker

EVEN_BPM = 120.0
NO_BEAT_FOUND = "NO_BEAT_FOUND"
LOW_CONFIDENCE = "LOW_CONFIDENCE"
OCTAVE_AMBIGUOUS = "OCTAVE_AMBIGUOUS"
TEMPO_DRIFTS = "TEMPO_DRIFTS"

_LOW = 0.5
_AMBIGUOUS = 0.35
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
    if heard.path is None or heard.confidence <= 0:
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
    tempi = _tempi(bpm, heard.evidence, times)
    return Tracking(
        times=times,
        numbers=numbers,
        strengths=_strengths(heard.evidence, times),
        bpm=bpm,
        confidence=heard.confidence,
        beats_per_bar=heard.path.beats_per_bar,
        metre_heard=heard.metre_heard,
        steady=line is not None,
        tempi=tempi,
        analyzer=tracker.name,
        analyzer_version=tracker.version,
        model_licence=tracker.model_licence,
        warnings=_warnings(heard.confidence, tempi, times),
    )


def _prepare(samples: Floats, sample_rate: int) -> Floats:
    """Resamples to SAMPLE_RATE and takes out what is no number."""
    sound = samples
    if not np.isfinite(sound).all():
        sound = np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0)
    if sample_rate != SAMPLE_RATE:
        sound = signal.resample_poly(sound, SAMPLE_RATE, sample_rate).astype(np.float32)
    return sound


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
        strengths=np.zeros(len(times)),
        bpm=EVEN_BPM,
        confidence=0.0,
        beats_per_bar=4,
        metre_heard=False,
        steady=True,
        tempi=(),
        analyzer=tracker.name,
        analyzer_version=tracker.version,
        model_licence=tracker.model_licence,
        warnings=(NO_BEAT_FOUND,),
    )


def _tempi(bpm: float, evidence: Floats, times: Doubles) -> tuple[TempoScore, ...]:
    if len(times) <= _MIN_FOUND:
        return (TempoScore(bpm, 1.0),)
    return score_tempi(bpm, measure_levels(evidence, times))


def _strengths(evidence: Floats, times: Doubles) -> Doubles:
    """What is heard on each beat in relation to the strongest ones, 0 to 1."""
    values = read_evidence(evidence, times)
    strong = float(np.percentile(values, 90)) if len(values) else 0.0
    strengths: Doubles = np.clip(values / strong, 0, 1) if strong > 0 else np.zeros(len(values))
    return strengths


def _warnings(confidence: float, tempi: tuple[TempoScore, ...], times: Doubles) -> tuple[str, ...]:
    found = []
    if confidence < _LOW:
        found.append(LOW_CONFIDENCE)
    if len(tempi) > 1 and tempi[1].score > _AMBIGUOUS:
        found.append(OCTAVE_AMBIGUOUS)
    intervals = np.diff(times)
    if len(intervals) > 8:
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(intervals, 9), axis=1)
        if smooth.max() / smooth.min() > 1.04:
            found.append(TEMPO_DRIFTS)
    return tuple(found)
