"""The form of songs whose form is known."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from beatstitch_analyzer.beats.model import Tracking
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.structure import novelty, sections
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_samples import compose

from .conftest import RATE, clicks, mono

pytestmark = pytest.mark.unit


def tracked(times, *, bpm: float = 120.0, **changes) -> Tracking:
    """Beats as a tracker's answer, bars of four."""
    times = np.asarray(times, np.float64)
    answer = Tracking(
        times=times,
        numbers=np.arange(len(times)) % 4 + 1,
        trust=np.ones(len(times)),
        bpm=bpm,
        confidence=1.0,
        beats_per_bar=4,
        metre_heard=True,
        steady=True,
        tempi=(),
        analyzer="madmom",
        analyzer_version="",
    )
    return replace(answer, **changes)


def f_measure(found: list[float], truth: list[float], tolerance: float) -> float:
    """Of borders; each of the truth is found at most once."""
    left, hits = list(truth), 0
    for time in found:
        near = [t for t in left if abs(t - time) <= tolerance]
        if near:
            left.remove(min(near, key=lambda t: abs(t - time)))
            hits += 1
    return 2 * hits / max(1, len(found) + len(truth))


@pytest.mark.parametrize(("bpm", "bars", "seed"), [(124, 18, 0), (140, 34, 2)])
def test_borders_fall_on_the_songs_own(bpm: float, bars: int, seed: int):
    song = compose(bpm=bpm, bars=bars, seed=seed)
    tracking = tracked(np.array(song.beats_us) / 1e6, bpm=bpm)
    samples = mono(song.samples)
    form = hear_form(samples, RATE, tracking)
    found = form.sections
    borders = [s.start for s in found[1:]]
    truth = [s.start_us / 1e6 for s in song.sections[1:]]
    assert f_measure(borders, truth, 0.5) >= 0.85
    assert found[0].start == 0
    assert found[-1].end == len(samples) / RATE
    assert all(a.end == b.start for a, b in pairwise(found))
    assert set(borders) <= set(tracking.downbeats)
    loudest = max(found, key=lambda s: s.energy)
    assert loudest.energy == 1
    names = {s.start_us: s.name for s in song.sections}
    assert names[round(loudest.start * 1e6)] == "B"
    letters: dict[str, set[str]] = {}
    for section in found:
        name = names.get(round(section.start * 1e6), "")
        letters.setdefault(name, set()).add(section.label)
    assert len(letters["B"]) == 1
    assert letters["A"].isdisjoint(letters["B"])


def test_sections_reach_the_grid_without_gaps():
    song = compose(bpm=124, bars=18)
    tracking = tracked(
        np.array(song.beats_us) / 1e6, bpm=124, trust=np.full(len(song.beats_us), 0.8)
    )
    form = hear_form(mono(song.samples), RATE, tracking)
    grid = to_beat_grid(
        tracking, audio_sha256="", sample_rate=RATE, duration_us=song.duration_us, form=form
    )
    assert grid.sections[0].start_us == 0
    assert grid.sections[-1].end_us == song.duration_us
    assert all(a.end_us == b.start_us for a, b in pairwise(grid.sections))
    downbeats = {beat.time_us for beat in grid.beats if beat.is_downbeat}
    assert {s.start_us for s in grid.sections[1:]} <= downbeats
    assert grid.sections[0].label == "A"
    assert all(s.confidence == pytest.approx(0.8) for s in grid.sections)


def test_a_sections_confidence_is_its_beats():
    song = compose(bpm=124, bars=18)
    times = np.array(song.beats_us) / 1e6
    trust = np.where(times < song.sections[3].start_us / 1e6, 1.0, 0.25)
    form = hear_form(mono(song.samples), RATE, tracked(times, trust=trust))
    assert form.sections[0].confidence == 1
    assert form.sections[-1].confidence == pytest.approx(0.25)


def test_what_has_no_form_is_one_section(librosa_tracker):
    for samples, seconds in ((clicks(120, 8), 8), (np.zeros(40 * RATE, np.float32), 40)):
        form = hear_form(samples, RATE, track(samples, RATE, librosa_tracker))
        assert [(s.start, s.end, s.label) for s in form.sections] == [(0, seconds, "A")]
    assert (form.sections[0].energy, form.sections[0].confidence) == (0, 0)


def test_one_groove_is_one_section(librosa_tracker):
    groove = clicks(120, 40)
    form = hear_form(groove, RATE, track(groove, RATE, librosa_tracker))
    assert len(form.sections) <= 2


def test_many_bars_need_little_memory_and_keep_their_borders():
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(3, 72))
    bars = np.repeat(kinds[np.arange(250) % 3], 8, axis=0) + rng.normal(0, 0.1, (2000, 72))
    spread = novelty.usual_distance(bars)
    borders = novelty.find_borders(bars, spread)
    assert list(borders) == list(range(0, 2001, 8))
    assert sections._labels(bars, borders, spread) == [index % 3 for index in range(250)]


def test_one_section_of_many_bars_is_not_compared_all_at_once():
    bars = np.random.default_rng(1).normal(size=(4000, 8))
    tracemalloc.start()
    try:
        assert sections._labels(bars, np.array([0, 4000]), 16.0) == [0]
        assert tracemalloc.get_traced_memory()[1] < 32_000_000  # all with all: 128 MB and more
    finally:
        tracemalloc.stop()


def test_letters_go_on_after_z():
    assert [sections._letter(n) for n in (0, 25, 26, 53)] == ["A", "Z", "A1", "B2"]
