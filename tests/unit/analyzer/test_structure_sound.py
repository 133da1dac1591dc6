"""Energy and onsets of the beats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from beatstitch_analyzer.structure.dynamics import beat_onsets, beat_rms, relative
from beatstitch_analyzer.structure.sound import hear_sound

from .conftest import RATE

pytestmark = pytest.mark.unit


def bursts(hertz: list[float], beats: np.ndarray, seconds: float) -> np.ndarray:
    """A short tone at each beat, in turns."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    t = np.arange(round(0.08 * RATE)) / RATE
    for index, beat in enumerate(beats):
        start = round(beat * RATE)
        tone = 0.5 * np.sin(2 * np.pi * hertz[index % len(hertz)] * t) * np.exp(-30 * t)
        samples[start : start + len(t)] += tone.astype(np.float32)
    return samples


def test_onsets_are_told_apart_by_band():
    beats = np.arange(0.5, 9.5, 0.5)
    sound = hear_sound(bursts([80, 700, 6000], beats, 10), RATE)
    onsets = beat_onsets(sound, beats)
    assert onsets.shape == (3, len(beats))
    assert onsets.max(axis=1) == pytest.approx([1, 1, 1])
    assert list(onsets.argmax(axis=0)) == [i % 3 for i in range(len(beats))]


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_frames_are_centred_at_any_rate(rate: int):
    samples = np.zeros(2 * rate, np.float32)
    samples[rate:] = np.random.default_rng(0).normal(0, 0.1, rate)
    sound = hear_sound(samples, rate)
    assert sound.timbre.shape == (200, 60)
    assert abs(int(sound.onsets[2].argmax()) - 100) <= 2
    assert sound.breadth.max() > 0.8


def test_pieces_leave_no_seam():
    rng = np.random.default_rng(1)
    noise = signal.lfilter([1], [1, -0.9], rng.normal(0, 0.05, 45 * RATE)).astype(np.float32)
    whole = hear_sound(noise, RATE)
    later = hear_sound(np.concatenate((noise[5 * RATE :], noise[: 5 * RATE])), RATE)
    assert np.allclose(whole.timbre[600:3900], later.timbre[100:3400], atol=1e-4)
    assert np.allclose(whole.onsets[:, 600:3900], later.onsets[:, 100:3400], atol=1e-4)


def test_what_stands_out_of_nothing_is_nothing():
    hum = (0.3 * np.sin(np.arange(8 * RATE) * 0.02)).astype(np.float32)
    beats = np.arange(0.5, 7.5, 0.5)
    for samples in (hum, np.zeros(8 * RATE, np.float32)):
        assert beat_onsets(hear_sound(samples, RATE), beats).max() < 0.2


def test_no_number_is_silence():
    samples = np.full(RATE, np.nan, np.float32)
    samples[: RATE // 2] = np.inf
    sound = hear_sound(samples, RATE)
    assert np.isfinite(sound.timbre).all()
    assert list(beat_rms(samples, RATE, np.array([0.0, 0.5]))) == [0, 0]


def test_energy_goes_from_beat_to_beat():
    samples = np.repeat([0.1, 0.4, 0.2], RATE).astype(np.float32)
    rms = beat_rms(samples, RATE, np.array([0.0, 1.0, 2.0]))
    assert rms == pytest.approx([0.1, 0.4, 0.2])
    assert relative(rms) == pytest.approx([0.25, 1, 0.5])
    assert list(relative(np.zeros(3))) == [0, 0, 0]
    assert len(beat_rms(samples, RATE, np.zeros(0))) == 0
