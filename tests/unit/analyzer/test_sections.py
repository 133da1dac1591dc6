"""The form of songs whose form is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from beatstitch_analyzer.beats.model import Tracking
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.sections import find_sections
from beatstitch_samples import compose

from .conftest import RATE, clicks, mono


def heard(song) -> Tracking:
    """The song's own truth as a tracker's answer."""
    times = np.array(song.beats_us) / 1e6
    return Tracking(
        times=times,
        numbers=np.arange(len(times)) % 4 + 1,
        strengths=np.ones(len(times)),
        bpm=song.bpm,
        confidence=1.0,
        beats_per_bar=4,
        metre_heard=True,
        steady=True,
        tempi=(),
        analyzer="madmom",
        analyzer_version="",
    )


@pytest.mark.parametrize(("bars", "seed"), [(18, 0), (40, 2)])
def test_borders_fall_on_the_songs_own(bars: int, seed: int):
    song = compose(bpm=124, bars=bars, seed=seed)
    duration = song.duration_us / 1e6
    found = find_sections(mono(song.samples), heard(song), duration)
    truth = {s.start_us for s in song.sections[1:]}
    borders = {round(s.start * 1e6) for s in found[1:]}
    assert len(truth & borders) >= 0.8 * len(truth)
    assert len(borders - truth) <= 0.2 * len(truth) + 1
    assert found[0].start == 0
    assert found[-1].end == duration
    assert all(a.end == b.start for a, b in pairwise(found))
    loudest = max(found, key=lambda s: s.energy)
    assert loudest.energy == 1
    named = {s.start_us: s.name for s in song.sections}
    assert named[round(loudest.start * 1e6)] == "B"
    grid = to_beat_grid(
        heard(song),
        audio_sha256="",
        sample_rate=RATE,
        duration_us=song.duration_us,
        sections=found,
    )
    assert grid.sections[0].start_us == 0
    assert grid.sections[-1].end_us == song.duration_us
    assert grid.sections[0].label == "A"


def test_what_has_no_form_gets_none(librosa_tracker):
    short = clicks(120, 8)
    assert find_sections(short, track(short, RATE, librosa_tracker), 8) == []
    nothing = np.zeros(40 * RATE, np.float32)
    assert find_sections(nothing, track(nothing, RATE, librosa_tracker), 40) == []


def test_one_groove_is_one_section(librosa_tracker):
    groove = clicks(120, 40)
    assert len(find_sections(groove, track(groove, RATE, librosa_tracker), 40)) <= 2
