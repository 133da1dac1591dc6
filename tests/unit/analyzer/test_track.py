"""Beats of sound whose beats are known, by both trackers."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.structure.doubts import doubts_about
from beatstitch_samples import compose, noise

from .conftest import RATE, clicks, mono

TRACKERS = ["librosa_tracker", "madmom_tracker"]


@pytest.fixture(params=TRACKERS)
def tracker(request):
    return request.getfixturevalue(request.param)


def f_measure(truth, found, window: float = 0.07) -> float:
    hits = sum(bool(np.any(np.abs(found - t) <= window)) for t in truth)
    return 2 * hits / (len(truth) + len(found))


def errors_ms(truth, found):
    nearest = truth[np.abs(truth[:, None] - found[None]).argmin(axis=0)]
    return 1000 * (found - nearest)


def check_invariants(tracking, duration: float) -> None:
    assert np.all(np.diff(tracking.times) > 0)
    assert tracking.times[0] >= 0
    assert tracking.times[-1] <= duration
    assert len(tracking.times) == len(tracking.numbers) == len(tracking.trust)
    assert 0 <= tracking.confidence <= 1
    assert np.all((tracking.trust >= 0) & (tracking.trust <= 1))
    assert tracking.numbers.min() >= 1
    assert tracking.numbers.max() <= tracking.beats_per_bar
    assert len(tracking.tempi) <= 3
    assert sum(t.score for t in tracking.tempi) <= 1 + 1e-9


def test_a_click_track_at_120(tracker):
    tracking = track(clicks(120, 16), RATE, tracker)
    check_invariants(tracking, 16)
    assert 117 < tracking.bpm < 123
    assert tracking.bpm == pytest.approx(120, abs=0.05)
    assert tracking.steady
    truth = np.arange(0.3, 16, 0.5)
    assert f_measure(truth, tracking.times) > 0.95
    assert abs(np.median(errors_ms(truth, tracking.times))) < 5


@pytest.mark.parametrize("bpm", [84.0, 97.3, 140.0])
def test_other_tempi_are_exact(tracker, bpm: float):
    tracking = track(clicks(bpm, 20), RATE, tracker)
    assert tracking.bpm == pytest.approx(bpm, abs=0.05)
    intervals = np.diff(tracking.times)
    assert np.ptp(intervals) < 1e-9


def test_a_song_of_the_house(tracker, song):
    tracking = track(mono(song.samples), song.sample_rate, tracker)
    check_invariants(tracking, song.duration_us / 1e6)
    truth = np.array(song.beats_us) / 1e6
    assert f_measure(truth, tracking.times) > 0.95
    assert tracking.bpm == pytest.approx(112, abs=0.05)
    assert abs(np.median(errors_ms(truth, tracking.times))) < 5
    assert tracking.confidence >= 0.7
    assert tracking.metre_heard
    assert tracking.beats_per_bar == 4
    assert f_measure(np.array(song.downbeats_us) / 1e6, tracking.downbeats) > 0.9


def test_a_drifting_song_is_followed(tracker):
    song = compose(bpm=100, bars=12, tempo_map=[(0, 96), (48, 118)])
    tracking = track(mono(song.samples), song.sample_rate, tracker)
    check_invariants(tracking, song.duration_us / 1e6)
    assert not tracking.steady
    assert "TEMPO_DRIFTS" in doubts_about(tracking)
    assert f_measure(np.array(song.beats_us) / 1e6, tracking.times) > 0.9


def test_a_waltz_is_counted_in_three(madmom_tracker):
    song = compose(bpm=132, bars=16, beats_per_bar=3)
    tracking = track(mono(song.samples), song.sample_rate, madmom_tracker)
    assert tracking.beats_per_bar == 3
    assert f_measure(np.array(song.downbeats_us) / 1e6, tracking.downbeats) > 0.9


@pytest.mark.parametrize("kind", ["silence", "noise", "hum", "nan"])
def test_nothing_to_follow_gets_an_even_grid(tracker, kind: str):
    seconds = 12
    count = seconds * RATE
    sound = {
        "silence": np.zeros(count, np.float32),
        "noise": mono(noise(seconds * 1_000_000, sample_rate=RATE)),
        "hum": (0.3 * np.sin(2 * np.pi * 110 * np.arange(count) / RATE)).astype(np.float32),
        "nan": np.full(count, np.nan, np.float32),
    }[kind]
    tracking = track(sound, RATE, tracker)
    check_invariants(tracking, seconds)
    assert tracking.confidence == 0
    assert doubts_about(tracking) == ["NO_BEAT_FOUND"]
    assert tracking.bpm == 120
    assert np.allclose(tracking.times, np.arange(0, seconds, 0.5))
    assert list(tracking.numbers[:5]) == [1, 2, 3, 4, 1]


@pytest.mark.parametrize("count", [1, 100, 441, 13_230, 44_100, 70_000])
def test_short_sound_breaks_nothing(tracker, count: int):
    sound = clicks(120, 3)[:count]
    tracking = track(sound, RATE, tracker)
    check_invariants(tracking, count / RATE)


def test_silence_before_the_music_gets_no_beats(tracker):
    late = np.concatenate((np.zeros(5 * RATE, np.float32), clicks(120, 15)))
    tracking = track(late, RATE, tracker)
    assert 4.9 < tracking.times[0] < 5.9
    assert f_measure(np.arange(5.3, 20, 0.5), tracking.times) > 0.9


def test_another_sample_rate_changes_nothing(tracker):
    beats = np.arange(0.3, 16, 0.5)
    sound = np.zeros(16 * 48_000, np.float32)
    for beat in beats:
        sound[round(beat * 48_000)] = 0.9
    tracking = track(sound, 48_000, tracker)
    assert tracking.bpm == pytest.approx(120, abs=0.05)


def test_the_fallback_keeps_its_confidence_and_counts_in_four(librosa_tracker):
    tracking = track(clicks(120, 16), RATE, librosa_tracker)
    assert (tracking.analyzer, tracking.confidence) == ("librosa", 0.7)
    assert not tracking.metre_heard
    assert list(tracking.numbers) == [i % 4 + 1 for i in range(len(tracking.numbers))]


def test_the_networks_name_their_licence(madmom_tracker):
    tracking = track(clicks(120, 8), RATE, madmom_tracker)
    assert (tracking.analyzer, tracking.model_licence) == ("madmom", "CC BY-NC-SA 4.0")
    assert "0.17" in tracking.analyzer_version
