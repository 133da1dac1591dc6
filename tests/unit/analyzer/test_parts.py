"""The pieces of the trackers, each alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import analysis_service_pb2, beat_grid_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch_analyzer import backends, fingerprint
from beatstitch_analyzer.backends import Choice, choose
from beatstitch_analyzer.beats.attack import find_attacks
from beatstitch_analyzer.beats.decode_rnn import decode
from beatstitch_analyzer.beats.drift import even_out
from beatstitch_analyzer.beats.model import Activations, TempoScore, Tracking
from beatstitch_analyzer.beats.steady import fit_line, lay_out
from beatstitch_analyzer.beats.windows import CORE, MARGIN, join_windows, split_windows
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.naming import about_file
from beatstitch_core.errors import BeatStitchError, field_error

from .conftest import RATE, clicks


def pulses(count: int, period: float, metre: int, first: float = 20.0) -> Activations:
    """Activations of a network that hears perfectly."""
    beat, down = np.full(count, 0.01, np.float32), np.full(count, 0.01, np.float32)
    for index, at in enumerate(np.arange(first, count - 1, period)):
        (down if index % metre == 0 else beat)[round(at)] = 0.9
    return Activations(beat, down)


@pytest.mark.parametrize("metre", [3, 4])
@pytest.mark.parametrize("period", [33.0, 50.0, 61.7, 95.0])
def test_the_decoder_finds_beats_and_bars(metre: int, period: float):
    path = decode(pulses(3000, period, metre))
    assert path is not None
    assert path.beats_per_bar == metre
    truth = np.arange(20, 2999, period)
    inner = path.frames[(path.frames > 15) & (path.frames < 2950)]
    assert len(inner) == np.count_nonzero(truth < 2950)
    assert np.abs(inner - truth[: len(inner)]).max() <= 1
    assert list(path.numbers[path.frames > 15][:4]) == [i % metre + 1 for i in range(4)]


def test_the_decoder_follows_a_change_of_tempo():
    times = np.cumsum(np.concatenate(([20], np.linspace(60, 45, 60))))
    beat = np.full(round(times[-1]) + 50, 0.01, np.float32)
    beat[np.round(times).astype(int)] = 0.8
    path = decode(Activations(beat, np.full_like(beat, 0.01)))
    assert path is not None
    found = path.frames[(path.frames > 15) & (path.frames < times[-1] + 10)]
    assert np.abs(found[:, None] - times[None]).min(axis=0).max() <= 2


def test_too_little_sound_has_no_path():
    empty = np.zeros(10, np.float32)
    assert decode(Activations(empty, empty)) is None


@pytest.mark.parametrize("count", [1, CORE, CORE + 2 * MARGIN, CORE + 2 * MARGIN + 1, 5 * CORE + 7])
def test_windows_join_to_what_they_were_cut_from(count: int):
    frames = np.arange(count, dtype=np.float32)[:, None]
    batches = split_windows(count, lambda begin, end: frames[begin:end], 2)
    windows = np.concatenate(list(batches))
    assert np.array_equal(join_windows(windows, count), frames)


def test_attacks_are_found_off_the_grid():
    truth = np.arange(0.3, 8, 0.5)
    rough = truth + np.linspace(-0.03, 0.03, len(truth))
    found = find_attacks(clicks(120, 8), rough)
    assert found.clear.all()
    assert np.abs(found.times - truth).max() < 0.005


def test_no_attack_is_invented():
    hum = np.sin(np.arange(4 * RATE) * 0.02).astype(np.float32)
    times = np.arange(0.5, 3.5, 0.5)
    found = find_attacks(hum, times)
    assert np.array_equal(found.times[~found.clear], times[~found.clear])
    assert found.clear.mean() < 0.5
    assert not find_attacks(np.zeros(4 * RATE, np.float32), times).clear.any()


def test_a_steady_tempo_is_a_line_to_the_microsecond():
    rng = np.random.default_rng(1)
    truth = 0.42 + np.arange(150) * 60 / 139.5
    line = fit_line(truth + rng.normal(0, 0.004, 150), np.ones(150))
    assert line is not None
    assert line.bpm == pytest.approx(139.5, abs=0.01)
    times, numbers = lay_out(line, np.arange(150) % 4 + 1, 4, 1e9)
    assert np.abs(times - truth).max() < 0.002
    assert list(numbers[:5]) == [1, 2, 3, 4, 1]


def test_a_slip_of_the_tracker_is_overruled():
    truth = 0.5 + np.arange(120) * 0.5
    found = np.concatenate((truth[:50], truth[50:60] + 0.25, truth[60:]))
    line = fit_line(found, np.ones(120))
    assert line is not None
    times, _ = lay_out(line, np.arange(120) % 4 + 1, 4, 1e9)
    assert np.allclose(times, truth, atol=1e-6)


@pytest.mark.parametrize("kind", ["ramp", "jump", "few"])
def test_what_is_not_steady_has_no_line(kind: str):
    intervals = {
        "ramp": np.linspace(0.5, 0.45, 100),
        "jump": np.repeat([0.5, 0.42], 50),
        "few": np.full(5, 0.5),
    }[kind]
    assert fit_line(np.cumsum(intervals), np.ones(len(intervals))) is None


def test_drifting_beats_lose_their_jitter_and_keep_their_drift():
    truth = np.cumsum(np.linspace(0.6, 0.5, 80))
    rng = np.random.default_rng(2)
    rough = truth + rng.normal(0, 0.008, 80)
    smooth = even_out(rough, np.ones(80))
    assert np.abs(smooth - truth).mean() < 0.7 * np.abs(rough - truth).mean()
    assert np.all(np.diff(smooth) > 0)


def test_a_song_that_slows_down_is_not_late():
    truth = np.cumsum(0.4 * 1.02 ** np.arange(60))
    rough = truth + np.random.default_rng(3).normal(0, 0.003, 60)
    smooth = even_out(rough, np.ones(60))
    assert abs(np.median(smooth - truth)) < 0.0008
    assert np.abs(smooth - truth).mean() < np.abs(rough - truth).mean()


@settings(deadline=None)
@given(st.lists(st.floats(0, 600), min_size=1, max_size=50), st.integers(2, 7))
def test_grids_hold_their_invariants(raw: list[float], metre: int):
    times = np.sort(np.array(raw))
    tracking = Tracking(
        times=times,
        numbers=np.arange(len(times)) % metre + 1,
        trust=np.ones(len(times)),
        bpm=120.0,
        confidence=0.9,
        beats_per_bar=metre,
        metre_heard=True,
        steady=False,
        tempi=(TempoScore(120, 0.66666), TempoScore(60, 0.33334)),
        analyzer="madmom",
        analyzer_version="1",
    )
    grid = to_beat_grid(tracking, audio_sha256="", sample_rate=RATE, duration_us=600_000_000)
    at = [beat.time_us for beat in grid.beats]
    assert all(a < b for a, b in pairwise(at))
    assert at[0] >= 0
    assert at[-1] <= 600_000_000
    assert all(abs(beat.time_ms * 1000 - beat.time_us) <= 500 for beat in grid.beats)
    assert all(beat.is_downbeat == (beat.beat_number == 1) for beat in grid.beats)
    assert sum(c.score for c in grid.tempo_candidates) <= 1
    assert grid.metre_source == beat_grid_pb2.METRE_SOURCE_DETECTED


ANY, MADMOM, LIBROSA = (
    AnalysisSettings(analyzer=value)
    for value in (
        analysis_service_pb2.ANALYZER_CHOICE_UNSPECIFIED,
        analysis_service_pb2.ANALYZER_CHOICE_MADMOM,
        analysis_service_pb2.ANALYZER_CHOICE_LIBROSA,
    )
)


def test_who_is_chosen(monkeypatch: pytest.MonkeyPatch):
    both = {"madmom": "madmom 1", "librosa": "2"}
    monkeypatch.setattr(backends, "installed", lambda: both)
    assert choose(ANY, "auto", 0) == Choice("madmom")
    assert choose(LIBROSA, "auto", 0) == Choice("librosa")
    assert choose(ANY, "librosa", 0) == Choice("librosa")
    sevens = AnalysisSettings(beats_per_bar=[7, 2, 7])
    assert choose(sevens, "auto", 0) == Choice("madmom", metres=(2, 7))
    assert choose(ANY, "auto", backends.MADMOM_LONGEST_US + 1) == Choice("librosa", fell_back=True)
    assert choose(MADMOM, "auto", backends.MADMOM_LONGEST_US + 1) == Choice("madmom")
    monkeypatch.setattr(backends, "installed", lambda: {"librosa": "2"})
    assert choose(ANY, "auto", 0) == Choice("librosa", fell_back=True)
    with pytest.raises(BeatStitchError) as caught:
        choose(MADMOM, "auto", 0)
    assert caught.value.rule.code == "FAILED_PRECONDITION"


def test_keys_depend_on_everything_that_decides_the_bytes():
    one = fingerprint.analyzer_fingerprint(Choice("madmom"))
    other = fingerprint.analyzer_fingerprint(Choice("librosa"))
    assert fingerprint.analyzer_fingerprint(Choice("madmom", metres=(5,))) != one
    keys = {
        fingerprint.artefact(prefix, kind, sha, maker)
        for prefix in ("t/a/", "t/b/")
        for kind in ("grid", "waveform")
        for sha in ("0" * 64, "1" * 64)
        for maker in (one, other)
    }
    assert len(keys) == 16
    key = fingerprint.artefact("t/a/", "grid", "0" * 64, one, ".json")
    assert key.startswith("t/a/grid/")
    assert key.endswith(".json")


def test_failures_name_the_file_once():
    with pytest.raises(BeatStitchError) as caught, about_file("id", "a.mp3"):
        raise field_error("x", "is wrong")
    assert caught.value.message == "a.mp3: x: is wrong"
    assert caught.value.metadata == {"asset_id": "id"}
    with pytest.raises(BeatStitchError) as caught, about_file("id", "a.mp3"):
        raise field_error("x", "in a.mp3 is wrong")
    assert caught.value.message == "x: in a.mp3 is wrong"
