"""Warnings: said when they hold, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch_analyzer.beats.model import TempoScore
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.structure.doubts import MESSAGES, doubts_about
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_samples import compose, noise, silence, tone

from .conftest import RATE, clicks, mono
from .test_structure_sections import tracked

pytestmark = pytest.mark.unit

LENGTH_US = 15_000_000


def doubts(samples, tracker) -> list[str]:
    return hear_form(samples, RATE, track(samples, RATE, tracker)).doubts


@pytest.mark.parametrize("kind", ["silence", "noise", "drone", "pad"])
def test_where_nothing_beats_that_is_all_there_is_to_say(kind: str, librosa_tracker):
    samples = {
        "silence": lambda: silence(LENGTH_US, sample_rate=RATE),
        "noise": lambda: noise(LENGTH_US, sample_rate=RATE),
        "drone": lambda: tone(110, LENGTH_US, sample_rate=RATE),
        "pad": lambda: compose(bars=8, parts={"pad"}, lead_in_s=0.1).samples,
    }[kind]()
    assert doubts(mono(samples), librosa_tracker) == ["NO_BEAT_FOUND"]


def test_a_song_with_drums_and_a_steady_tempo_has_no_doubts(song, librosa_tracker):
    assert doubts(mono(song.samples), librosa_tracker) == []
    assert doubts(clicks(120, 15), librosa_tracker) == []


@pytest.mark.parametrize(
    ("parts", "drumless"),
    [
        ({"pad", "lead", "bass"}, True),
        ({"pad", "lead", "bass", "arp"}, True),
        ({"drums"}, False),
        ({"drums", "pad", "lead"}, False),
    ],
)
def test_drums_are_missed_where_there_are_none(parts: set[str], drumless: bool):
    song = compose(bars=8, parts=parts)
    tracking = tracked(np.array(song.beats_us) / 1e6)
    form = hear_form(mono(song.samples), RATE, tracking)
    assert ("DRUMLESS" in form.doubts) == drumless


@pytest.mark.parametrize(("end_bpm", "drifting"), [(120, False), (121, False), (126, True)])
def test_drift_is_told_from_jitter(end_bpm: float, drifting: bool):
    tempo = np.linspace(120, end_bpm, 96)
    jitter = np.random.default_rng(0).normal(0, 0.004, 96)
    tracking = tracked(np.cumsum(60 / tempo) + jitter, steady=False)
    assert ("TEMPO_DRIFTS" in doubts_about(tracking)) == drifting


def test_a_drifting_song_is_named(librosa_tracker):
    song = compose(bars=14, tempo_map=[(0, 105), (56, 125)])
    assert doubts(mono(song.samples), librosa_tracker) == ["TEMPO_DRIFTS"]


@pytest.mark.parametrize(
    ("tempi", "open_octave"),
    [
        ([(140, 0.6), (70, 0.4)], True),
        ([(70, 0.55), (140, 0.45)], True),
        ([(140, 0.9), (70, 0.1)], False),
        ([(140, 0.55), (105, 0.45)], False),
        ([(120, 1.0)], False),
        ([], False),
    ],
)
def test_octaves_are_open_where_the_second_is_close(tempi, open_octave: bool):
    scores = tuple(TempoScore(bpm, score) for bpm, score in tempi)
    tracking = tracked(np.arange(20) * 0.5, tempi=scores)
    assert ("OCTAVE_AMBIGUOUS" in doubts_about(tracking)) == open_octave


def test_low_confidence_and_a_forced_fallback_reach_the_grid():
    tracking = tracked(np.arange(20) * 0.5, confidence=0.49)
    grid = to_beat_grid(
        tracking, audio_sha256="", sample_rate=RATE, duration_us=10_000_000, fell_back=True
    )
    assert [w.code for w in grid.warnings] == ["LOW_CONFIDENCE", "FALLBACK_ANALYZER"]
    assert all(w.message == MESSAGES[w.code] for w in grid.warnings)
    sure = tracked(np.arange(20) * 0.5, confidence=0.5)
    assert doubts_about(sure) == []
