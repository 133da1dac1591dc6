"""Listening again on what was kept: other tempo, a person's taps, no song in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay, GiveTaps, HintTempo
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.backends import installed
from beatstitch_analyzer.beats.flux import hear
from beatstitch_analyzer.beats.model import Activations
from beatstitch_analyzer.beats.trackers import load_tracker
from beatstitch_analyzer.corrections.keeping import Keeping
from beatstitch_analyzer.corrections.kept import Kept, read_kept, write_kept
from beatstitch_analyzer.corrections.listening import Listening
from beatstitch_analyzer.corrections.proof import write_clicks, write_flashes
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.grid_edits import apply_overlay
from beatstitch_samples import click_track

if TYPE_CHECKING:
    from pathlib import Path

RATE, DURATION_US = 44_100, 30_000_000
BEATS_US = list(range(400_000, DURATION_US, 600_000))  # 100 BPM


def clicks() -> np.ndarray:
    """Clicks on the beats, half as loud ones between them."""
    between = [t + 300_000 for t in BEATS_US[:-1]]
    sound = click_track(BEATS_US, DURATION_US, sample_rate=RATE)
    soft = click_track(between, DURATION_US, sample_rate=RATE)
    return (sound + 0.5 * soft).reshape(len(sound), -1).mean(axis=1).astype(np.float32)


def heard_grid() -> BeatGrid:
    grid = BeatGrid(duration_us=DURATION_US, bpm=100, bpm_confidence=0.7, beats_per_bar=4)
    for i, time_us in enumerate(BEATS_US):
        grid.beats.add(time_us=time_us, beat_number=i % 4 + 1, is_downbeat=i % 4 == 0)
    return grid


@pytest.fixture(scope="module", params=list(installed()))
def kept(request):
    tracker = Keeping(load_tracker(request.param))
    assert tracker.kept is None
    heard = tracker.listen(clicks())
    assert (tracker.kept.activations is None) == (request.param == "librosa")
    assert tracker.kept.evidence is heard.onsets
    return read_kept(write_kept(tracker.kept))


def corrected(kept, *edits: BeatGridEdit) -> list[int]:
    grid = heard_grid()
    edited, _ = apply_overlay(grid, BeatGridOverlay(edits=edits), Listening(kept, grid))
    return [beat.time_us for beat in edited.beats]


@pytest.mark.parametrize("bpm", [100, 200, 50])
def test_beats_of_the_tempo_that_was_hinted_at(kept, bpm):
    times = corrected(kept, BeatGridEdit(hint_tempo=HintTempo(bpm=bpm)))
    steps = np.diff(times)
    assert 6e7 / np.median(steps) == pytest.approx(bpm, rel=0.005)
    known = np.array(sorted({*BEATS_US, *(t + 300_000 for t in BEATS_US)}))
    distance = [np.abs(known - t).min() for t in times]
    assert np.percentile(distance, 90) < 10_000


def test_taps_decide_the_phase(kept):
    wobble = (12_000, -9_000, 4_000, -15_000, 7_000)
    taps = [6_700_000 + 600_000 * n + late for n, late in enumerate(wobble)]
    times = corrected(kept, BeatGridEdit(give_taps=GiveTaps(time_us=taps)))
    off_beats = np.array(BEATS_US) + 300_000
    assert np.percentile([np.abs(off_beats - t).min() for t in times], 90) < 15_000
    assert len(times) > 40


def test_silence_has_no_beats_of_any_tempo():
    silent = Activations(np.zeros(3000, np.float32), np.zeros(3000, np.float32))
    onsets = hear(np.zeros(RATE * 30, np.float32))
    for kept in (Kept(onsets, silent), Kept(onsets)):
        with pytest.raises(BeatStitchError, match="no beats of about 90"):
            corrected(kept, BeatGridEdit(hint_tempo=HintTempo(bpm=90)))


def test_what_is_kept_is_read_as_it_was_written():
    rng = np.random.default_rng(1)
    beat, down = rng.random((2, 500), np.float32) / 2
    onsets = hear(rng.standard_normal(RATE * 5).astype(np.float32) / 9)
    kept = Kept(onsets, Activations(beat, down))
    data = write_kept(kept)
    assert data == write_kept(kept)
    again = read_kept(data)
    assert again.activations is not None
    assert np.abs(again.activations.beat - beat).max() < 3e-4
    assert np.abs(again.activations.downbeat - down).max() < 3e-4
    assert np.abs(again.evidence.onset - onsets.onset).max() < 1e-2
    assert read_kept(write_kept(Kept(onsets))).activations is None


@pytest.mark.parametrize("data", [b"", b"PK", b"nonsense", b"\x93NUMPY"])
def test_other_bytes_are_no_activations(data):
    with pytest.raises(BeatStitchError, match="not activations"):
        read_kept(data)


def test_flashes_and_clicks_are_where_the_beats_are(tmp_path: Path):
    grid = BeatGrid(duration_us=2_000_000)
    grid.beats.add(time_us=0, is_downbeat=True)
    grid.beats.add(time_us=1_000_000)
    grid.beats.add(time_us=1_050_000, is_downbeat=True)
    grid.beats.add(time_us=1_999_999)
    write_flashes(tmp_path / "v", grid.beats, 60)
    levels = np.fromfile(tmp_path / "v", np.uint8).reshape(60, 144)
    assert (levels == levels[:, :1]).all()
    shown = {i: int(v) for i, v in enumerate(levels[:, 0]) if v}
    assert shown == {0: 255, 1: 255, 30: 128, 31: 128, 32: 255, 33: 255}
    write_clicks(tmp_path / "a", grid.beats, 96_000)
    sound = np.fromfile(tmp_path / "a", "<i2")
    assert len(sound) == 96_000
    loud = np.flatnonzero(sound)
    assert [loud[0], loud[loud >= 2_000][0], loud[-1]] == [1, 48_001, 50_400 + 1_439]


def test_beats_that_are_followed_again_are_trusted_as_those_heard(kept):
    decoded = Listening(kept, heard_grid()).decode(100, 0.1)
    assert len(decoded.confidences) == len(decoded.time_us)
    assert min(decoded.confidences[2:-2]) > 0.5
    assert max(decoded.confidences) <= 1
