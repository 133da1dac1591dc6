"""From a tracker's answer to the document that everybody else reads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from beatstitch.v1 import beat_grid_pb2
from beatstitch.v1.beat_grid_pb2 import (
    AnalysisWarning,
    Beat,
    BeatGrid,
    Loudness,
    Section,
    TempoCandidate,
)
from beatstitch_analyzer import __version__
from beatstitch_analyzer.beats.model import Tracking
from beatstitch_analyzer.structure.doubts import FALLBACK_ANALYZER, MESSAGES, doubts_about
from beatstitch_analyzer.structure.form import Form
from beatstitch_analyzer.structure.sections import Stretch
from beatstitch_analyzer.structure.steadiness import constant_tempo_of
from beatstitch_core.bars import bars_of, tempo_curve_of
from beatstitch_core.timebase import US_PER_S, us_to_ms

SCHEMA_VERSION = "1.0"


def to_beat_grid(
    tracking: Tracking,
    *,
    audio_sha256: str,
    sample_rate: int,
    duration_us: int,
    fell_back: bool = False,
    form: Form | None = None,
    loudness: Loudness | None = None,
) -> BeatGrid:
    """The grid of a song.

    Args:
        tracking: What was found.
        audio_sha256: Of the song's file.
        sample_rate: Of the song's file, in Hz.
        duration_us: Of the song, in microseconds.
        fell_back: Whether a better tracker was wanted.
        form: What else was heard; without it beats have no energy and there are no sections.
        loudness: Of the song; None for silence.
    """
    heard = tracking.metre_heard
    doubts = form.doubts if form else doubts_about(tracking)
    codes = [*doubts, *([FALLBACK_ANALYZER] if fell_back else [])]
    beats = _beats(tracking, duration_us, form)
    constant = (
        constant_tempo_of(beats, tracking.bpm, float(tracking.times[0]))
        if tracking.steady and beats
        else None
    )
    steady_bpm = constant.bpm if constant else None
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
        beats=beats,
        sections=_sections(form.sections if form else [], duration_us),
        warnings=[AnalysisWarning(code=code, message=MESSAGES[code]) for code in codes],
        bars=bars_of(beats, duration_us),
        constant_tempo=constant,
        tempo_curve=tempo_curve_of(beats, steady_bpm, duration_us),
        loudness=loudness,
    )


def _sections(stretches: Sequence[Stretch], duration_us: int) -> list[Section]:
    """Each begins where the one before ends."""
    edges = [min(round(s.start * US_PER_S), duration_us) for s in stretches] + [duration_us]
    return [
        Section(
            start_us=start,
            end_us=end,
            label=stretch.label,
            energy=round(stretch.energy, 4),
            confidence=round(stretch.confidence, 4),
        )
        for stretch, (start, end) in zip(stretches, pairwise(edges), strict=True)
        if end > start
    ]


def _beats(tracking: Tracking, duration_us: int, form: Form | None) -> list[Beat]:
    """Strictly increasing, inside the song; what rounding makes equal is left out."""
    beats: list[Beat] = []
    rows = zip(tracking.times, tracking.numbers, tracking.trust, strict=True)
    for index, (time, number, trust) in enumerate(rows):
        time_us = max(0, round(float(time) * US_PER_S))
        if beats and (time_us <= beats[-1].time_us or time_us > duration_us):
            continue
        time_us = min(time_us, duration_us)
        beat = Beat(
            time_us=time_us,
            time_ms=us_to_ms(time_us),
            beat_number=int(number),
            is_downbeat=int(number) == 1,
            confidence=round(float(trust), 4),
        )
        if form is not None:
            beat.energy = round(float(form.energy[index]), 4)
            low, mid, high = form.onsets[:, index]
            beat.onset_low = round(float(low), 4)
            beat.onset_mid = round(float(mid), 4)
            beat.onset_high = round(float(high), 4)
        beats.append(beat)
    return beats
