"""Bars, tempo and the document around them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay, SetDownbeat
from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid, Loudness
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_analyzer.structure.steadiness import constant_tempo_of
from beatstitch_core.bars import bars_of, tempo_curve_of
from beatstitch_core.canonical import canonical_json, parse_json
from beatstitch_core.grid_edits import apply_overlay
from beatstitch_samples import compose

from .conftest import RATE, mono
from .test_structure_sections import tracked

pytestmark = pytest.mark.unit


def beats(times_us: list[int], first_number: int = 1, energies: list[float] | None = None):
    numbers = [(first_number - 1 + i) % 4 + 1 for i in range(len(times_us))]
    energies = energies or [1.0] * len(times_us)
    return [
        Beat(time_us=t, beat_number=n, is_downbeat=n == 1, energy=e)
        for t, n, e in zip(times_us, numbers, energies, strict=True)
    ]


def test_bars_go_from_downbeat_to_downbeat_and_to_the_end():
    energies = [0.1, 0.1] + [0.3] * 4 + [0.6] * 3
    bars = bars_of(beats(list(range(0, 4_500_000, 500_000)), 3, energies), 6_000_000)
    spans = [(b.start_us, b.end_us, b.first_beat_index) for b in bars]
    assert spans == [(1_000_000, 3_000_000, 2), (3_000_000, 6_000_000, 6)]
    assert [b.energy for b in bars] == [0.5, 1.0]
    assert bars_of([], 1) == []
    assert bars_of(beats([0, 1], 2), 10) == []


def test_a_bars_energy_counts_beats_by_their_length():
    bars = bars_of(beats([0, 10, 20, 30, 70, 110, 150, 190], 1, [1, 0, 0, 0, 1, 1, 1, 1]), 230)
    assert bars[0].energy == pytest.approx(np.sqrt(10 / 70), abs=1e-4)


def test_a_steady_tempo_is_exact_or_not_told():
    exact = [round(730_000 + i * 60e6 / 112.3) for i in range(400)]
    tempo = constant_tempo_of(beats(exact), 112.3, 0.73)
    assert tempo is not None
    assert (tempo.bpm, tempo.first_beat_us) == (112.3, 730_000)
    exact[200] += 3
    assert constant_tempo_of(beats(exact), 112.3, 0.73) is None


def test_the_tempos_curve():
    steady = tempo_curve_of([], 120.0, 9_000_000)
    assert [(p.time_us, p.bpm) for p in steady] == [(0, 120), (9_000_000, 120)]
    times = np.round(np.cumsum([0.0] + [0.5e6] * 4 + [0.4e6] * 4 + [0.4e6])).astype(int)
    curve = tempo_curve_of(beats([int(t) for t in times]), None, 9_000_000)
    assert [p.bpm for p in curve] == [120, 150, 150]
    assert [p.time_us for p in curve] == [0, 2_000_000, 3_600_000]
    loose = tempo_curve_of(beats([0, 500_000, 1_000_000], 2), None, 2_000_000)
    assert [p.bpm for p in loose] == [120, 120]
    assert tempo_curve_of(beats([5]), None, 10) == []


@pytest.mark.parametrize("drifting", [False, True])
def test_a_song_becomes_a_whole_document(drifting: bool):
    tempo_map = [(0, 100), (64, 125)] if drifting else None
    song = compose(bpm=112, bars=16, tempo_map=tempo_map)
    times = np.array(song.beats_us) / 1e6
    tracking = tracked(times, bpm=112, steady=not drifting)
    form = hear_form(mono(song.samples), RATE, tracking)
    grid = to_beat_grid(
        tracking,
        audio_sha256="",
        sample_rate=RATE,
        duration_us=song.duration_us,
        form=form,
        loudness=Loudness(integrated_lufs=-14, range_lu=5, true_peak_dbtp=-1),
    )
    assert len(grid.beats) == len(song.beats_us)
    fields = ("energy", "onset_low", "onset_mid", "onset_high")
    for name in fields:
        values = [getattr(beat, name) for beat in grid.beats]
        assert max(values) == 1
        assert min(values) >= 0
    assert [bar.start_us for bar in grid.bars] == song.downbeats_us
    assert all(a.end_us == b.start_us for a, b in pairwise(grid.bars))
    assert grid.bars[-1].end_us == song.duration_us
    assert all(grid.beats[bar.first_beat_index].is_downbeat for bar in grid.bars)
    assert grid.HasField("constant_tempo") != drifting
    if drifting:
        assert len(grid.tempo_curve) == len(grid.bars)
        assert grid.tempo_curve[0].bpm == pytest.approx(100, rel=0.03)
        assert grid.tempo_curve[-1].bpm == pytest.approx(125, rel=0.03)
    else:
        assert [p.bpm for p in grid.tempo_curve] == [112, 112]
    assert parse_json(canonical_json(grid), BeatGrid()) == grid


def test_beats_beyond_the_files_end_are_left_out():
    tracking = tracked(np.arange(10) * 0.5)
    grid = to_beat_grid(tracking, audio_sha256="", sample_rate=RATE, duration_us=4_400_000)
    assert len(grid.beats) == 9
    assert grid.constant_tempo.bpm == 120


def test_grids_of_before_still_parse():
    old = b'{"schemaVersion":"1.0","bpm":120,"beats":[{"timeUs":"0","beatNumber":1}],"sections":[]}'
    grid = parse_json(old, BeatGrid())
    assert grid.beats[0].energy == 0
    assert not grid.HasField("constant_tempo")
    assert not grid.HasField("loudness")


@pytest.mark.parametrize("steady", [False, True])
def test_bars_and_tempo_are_those_of_a_corrected_grid(steady: bool):
    song = compose(bars=8, lead_in_s=0.2)
    tracking = tracked(np.array(song.beats_us)[1:] / 1e6, bpm=112, steady=steady)
    grid = to_beat_grid(
        tracking,
        audio_sha256="",
        sample_rate=RATE,
        duration_us=song.duration_us,
        form=hear_form(mono(song.samples), RATE, tracking),
    )
    again = BeatGridEdit(set_downbeat=SetDownbeat(time_us=grid.bars[2].start_us))
    corrected, _ = apply_overlay(grid, BeatGridOverlay(edits=[again]))
    assert [(b.start_us, b.end_us, b.first_beat_index) for b in corrected.bars] == [
        (b.start_us, b.end_us, b.first_beat_index) for b in grid.bars
    ]
    energies = [bar.energy for bar in grid.bars]
    assert [bar.energy for bar in corrected.bars] == pytest.approx(energies, abs=2e-4)
    assert corrected.tempo_curve == grid.tempo_curve
    assert corrected.HasField("constant_tempo") == grid.HasField("constant_tempo") == steady
