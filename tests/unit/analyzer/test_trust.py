"""Confidence: high under beats that repeat, low under anything else, part by part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.model import Activations
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.beats.trackers import Heard
from beatstitch_analyzer.beats.trust import judge
from beatstitch_analyzer.structure.doubts import doubts_about
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_samples import compose

from .conftest import RATE, clicks, mono

COUNT = 6000


def heard(onset, beat=None) -> Heard:
    bands = np.stack([np.asarray(onset, np.float32)] * 3)
    evidence = Evidence(bands, np.zeros((12, COUNT), np.float32), np.ones(COUNT, np.float32))
    activations = None
    if beat is not None:
        activations = Activations(np.asarray(beat, np.float32), np.zeros(COUNT, np.float32))
    return Heard(evidence, activations)


def groove(times, seed: int = 0):
    """The same onsets, strong and weak, in each beat; some noise."""
    onset = np.random.default_rng(seed).normal(0, 0.2, COUNT)
    for begin, end in pairwise(times):
        for part, strength in ((0, 3.0), (0.5, 1.5), (0.75, 1.0)):
            onset[round((begin + part * (end - begin)) * 100)] += strength
    return onset


def at_random(seed: int, rate: float = 4.0):
    """Onsets of nobody's tempo."""
    rng = np.random.default_rng(seed)
    onset = rng.normal(0, 0.2, COUNT)
    onset[rng.integers(0, COUNT, round(rate * COUNT / 100))] += rng.uniform(1, 3)
    return onset


def events(seed: int, seconds: float, rate: float):
    """Bursts of noise at random moments: rain, drips, a crackling fire."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.002, round(seconds * RATE))
    burst = np.exp(-np.arange(2000) / 300)
    for at in rng.integers(0, len(samples) - 2000, round(rate * seconds)):
        samples[at : at + 2000] += burst * rng.normal(0, rng.uniform(0.05, 0.25), 2000)
    return samples.astype(np.float32)


BEATS = np.arange(0.3, 58, 0.5)


def test_what_repeats_is_trusted_and_what_does_not_is_not():
    assert judge(heard(groove(BEATS)), BEATS).song == 0.7
    assert judge(heard(groove(BEATS), np.clip(groove(BEATS, 1) / 4, 0, 0.8)), BEATS).song > 0.8
    assert judge(heard(at_random(1)), BEATS).song == 0
    assert judge(heard(np.zeros(COUNT)), BEATS).song == 0


def test_strong_onsets_on_chosen_beats_do_not_buy_trust():
    onset = at_random(2)
    times = np.sort(np.flatnonzero(onset > 0.9)[::2] / 100)
    assert judge(heard(onset), times).song < 0.5


def test_a_tempo_that_drifts_is_trusted_like_a_steady_one():
    drifting = np.cumsum(np.linspace(0.65, 0.4, 110))
    assert judge(heard(groove(drifting)), drifting).song == 0.7


def test_trust_is_lost_where_the_beats_are_wrong():
    onset = groove(BEATS)
    onset[3000:] = at_random(3)[3000:]
    beats = judge(heard(onset), BEATS).beats
    assert beats[:50].mean() > beats[-50:].mean() + 0.15


@pytest.mark.parametrize("backend", ["librosa_tracker", "madmom_tracker"])
@pytest.mark.parametrize(("seed", "rate"), [(1, 2.0), (2, 5.0), (3, 60.0)])
def test_bursts_at_random_are_flagged(request, backend: str, seed: int, rate: float):
    tracking = track(events(seed, 25, rate), RATE, request.getfixturevalue(backend))
    assert tracking.confidence < 0.5
    assert {"NO_BEAT_FOUND", "LOW_CONFIDENCE"} & set(doubts_about(tracking))


@pytest.mark.parametrize("backend", ["librosa_tracker", "madmom_tracker"])
def test_music_is_not(request, backend: str):
    tracker = request.getfixturevalue(backend)
    steady = compose(bpm=97, bars=8, seed=5)
    drifting = compose(bars=9, seed=6, tempo_map=[(0, 100), (36, 118)])
    for song in (steady, drifting):
        assert track(mono(song.samples), RATE, tracker).confidence >= 0.5
    assert track(clicks(95, 12), RATE, tracker).confidence >= 0.7


def test_a_section_that_beats_is_surer_than_one_that_rains(librosa_tracker):
    samples = np.concatenate((mono(compose(bpm=120, bars=16, seed=1).samples), events(7, 30, 5)))
    tracking = track(samples, RATE, librosa_tracker)
    form = hear_form(samples, RATE, tracking)
    end = len(samples) / RATE
    sure = [s.confidence for s in form.sections if s.end < end - 33]
    last = form.sections[-1]
    assert last.start > end - 40
    assert last.confidence < min(sure)
