"""What people should know before they trust a grid: the codes of its warnings."""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Doubles, TempoScore, Tracking
from beatstitch_analyzer.structure.sound import Sound

NO_BEAT_FOUND = "NO_BEAT_FOUND"
LOW_CONFIDENCE = "LOW_CONFIDENCE"
OCTAVE_AMBIGUOUS = "OCTAVE_AMBIGUOUS"
TEMPO_DRIFTS = "TEMPO_DRIFTS"
DRUMLESS = "DRUMLESS"
FALLBACK_ANALYZER = "FALLBACK_ANALYZER"

MESSAGES = {
    NO_BEAT_FOUND: "No beat was found; an even grid of 120 beats per minute lies over the song.",
    LOW_CONFIDENCE: "The beats are uncertain; look at the grid before rendering.",
    OCTAVE_AMBIGUOUS: "Half or double the tempo is nearly as likely.",
    TEMPO_DRIFTS: "The tempo changes over the song; bpm is its median.",
    DRUMLESS: "Hardly any drums are heard; beats may lie beside the notes.",
    FALLBACK_ANALYZER: "The fallback analyzer was used; the better one could not be.",
}

_LOW = 0.5
_CLOSE = 0.5
_OCTAVE = 0.05
_DRIFT = 1.02
_SMOOTH = 9
_DRUM_BREADTH = 0.45
_DRUM_SHARE = 90


def doubts_about(tracking: Tracking, sound: Sound | None = None) -> list[str]:
    """Codes for `AnalysisWarning`, in the order of `MESSAGES`.

    Args:
        tracking: What the tracker says.
        sound: What is heard; without it nothing is said about drums.

    Returns:
        Only NO_BEAT_FOUND where there is no beat that one could doubt.
    """
    if tracking.confidence <= 0:
        return [NO_BEAT_FOUND]
    found = {
        LOW_CONFIDENCE: tracking.confidence < _LOW,
        OCTAVE_AMBIGUOUS: octave_is_open(tracking.tempi),
        TEMPO_DRIFTS: not tracking.steady and drifts(tracking.times),
        DRUMLESS: sound is not None and is_drumless(sound, tracking.times),
    }
    return [code for code, holds in found.items() if holds]


def octave_is_open(tempi: tuple[TempoScore, ...]) -> bool:
    """Whether the second candidate is half or double the first and not much weaker."""
    if len(tempi) < 2 or tempi[0].bpm <= 0 or tempi[1].bpm <= 0:
        return False
    octaves = abs(float(np.log2(tempi[1].bpm / tempi[0].bpm)))
    return abs(octaves - 1) < _OCTAVE and tempi[1].score >= _CLOSE * tempi[0].score


def drifts(times: Doubles) -> bool:
    """Whether the slow and the fast parts of a song differ by more than 2 %.

    Args:
        times: Beats in seconds; medians over nine intervals keep a missed beat from counting.
    """
    intervals = np.diff(times)
    if len(intervals) < _SMOOTH:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(intervals, _SMOOTH)
    fast, slow = np.percentile(np.median(windows, axis=1), (5, 95))
    return bool(slow > _DRIFT * fast)


def is_drumless(sound: Sound, times: Doubles) -> bool:
    """Whether nothing sets in over the whole spectrum at once, as a drum does and a tone doesn't.

    The broadest onset between each beat and the next counts; a song with drums in a tenth of its
    beats is not drumless.
    """
    if not len(times) or not len(sound.breadth):
        return True
    edges = np.unique(np.clip(np.round(times * FPS).astype(np.int64), 0, len(sound.breadth) - 1))
    broadest = np.maximum.reduceat(sound.breadth, edges)
    return bool(np.percentile(broadest, _DRUM_SHARE) < _DRUM_BREADTH)
