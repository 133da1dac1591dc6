"""From a tracker's answer to the document that everybody else reads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from beatstitch.v1 import beat_grid_pb2
from beatstitch.v1.beat_grid_pb2 import AnalysisWarning, Beat, BeatGrid, Section, TempoCandidate
from beatstitch_analyzer import __version__
from beatstitch_analyzer.beats.model import Tracking
from beatstitch_analyzer.sections import Stretch
from beatstitch_core.timebase import US_PER_S, us_to_ms

SCHEMA_VERSION = "1.0"
FALLBACK_ANALYZER = "FALLBACK_ANALYZER"

_MESSAGES = {
    "NO_BEAT_FOUND": "No beat was found; an even grid of 120 beats per minute lies over the song.",
    "LOW_CONFIDENCE": "The beats are uncertain; look at the grid before rendering.",
    "OCTAVE_AMBIGUOUS": "Half or double the tempo is nearly as likely.",
    "TEMPO_DRIFTS": "The tempo changes over the song; bpm is its median.",
    FALLBACK_ANALYZER: "The fallback analyzer was used; the better one could not be.",
}


def to_beat_grid(
    tracking: Tracking,
    *,
    audio_sha256: str,
    sample_rate: int,
    duration_us: int,
    fell_back: bool = False,
    sections: Sequence[Stretch] = (),
) -> BeatGrid:
    """The grid of a song.

    Args:
        tracking: What was found.
        audio_sha256: Of the song's file.
        sample_rate: Of the song's file, in Hz.
        duration_us: Of the song, in microseconds.
        fell_back: Whether a better tracker was wanted.
        sections: The form of the song, without gaps.
    """
    heard = tracking.metre_heard
    codes = [*tracking.warnings, *([FALLBACK_ANALYZER] if fell_back else [])]
    return BeatGrid(
        schema_version=SCHEMA_VERSION,
        analyzer=tracking.analyzer,
        analyzer_version=f"{tracking.analyzer_version}; beatstitch-analyzer {__version__}",
        model_licence=tracking.model_licence,
        audio_sha256=audio_sha256,
        sample_rate=sample_rate,
        duration_us=duration_us,
        bpm=round(tracking.bpm, 6),
        bpm_confidence=round(tracking.confidence, 4),
        tempo_candidates=[
            # Rounded down, so that the sum stays at most 1.
            TempoCandidate(bpm=round(c.bpm, 6), score=int(c.score * 10_000) / 10_000)
            for c in tracking.tempi
        ],
        beats_per_bar=tracking.beats_per_bar,
        metre_source=beat_grid_pb2.METRE_SOURCE_DETECTED
        if heard
        else beat_grid_pb2.METRE_SOURCE_DERIVED,
        beats=_beats(tracking, duration_us),
        sections=_sections(sections, duration_us),
        warnings=[AnalysisWarning(code=code, message=_MESSAGES[code]) for code in codes],
    )


def _sections(stretches: Sequence[Stretch], duration_us: int) -> list[Section]:
    """Each begins where the one before ends."""
    edges = [min(round(s.start * US_PER_S), duration_us) for s in stretches] + [duration_us]
    return [
        Section(start_us=start, end_us=end, label=s.label, energy=round(s.energy, 4))
        for s, (start, end) in zip(stretches, pairwise(edges), strict=True)
        if end > start
    ]


def _beats(tracking: Tracking, duration_us: int) -> list[Beat]:
    """Strictly increasing, inside the song; what rounding makes equal is left out."""
    beats: list[Beat] = []
    rows = zip(tracking.times, tracking.numbers, tracking.strengths, strict=True)
    for time, number, strength in rows:
        time_us = min(max(0, round(float(time) * US_PER_S)), duration_us)
        if beats and time_us <= beats[-1].time_us:
            continue
        beats.append(
            Beat(
                time_us=time_us,
                time_ms=us_to_ms(time_us),
                beat_number=int(number),
                is_downbeat=int(number) == 1,
                confidence=round(tracking.confidence * float(strength), 4),
            )
        )
    return beats
