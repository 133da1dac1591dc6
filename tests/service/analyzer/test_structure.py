"""The form of a song, from an uploaded file through the worker to the stored grid."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from beatstitch.v1 import analysis_service_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_core.canonical import parse_json
from beatstitch_samples import compose, silence, write_audio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.service

BANDS = ("low", "mid", "high")


async def _grid(room, path: Path) -> BeatGrid:
    """The grid that the fallback makes of a file: it is there on every machine, and quick."""
    spec = await room.song(path, path.name)
    spec.beat_analysis.settings.analyzer = analysis_service_pb2.ANALYZER_CHOICE_LIBROSA
    event = await room.end_of(spec)
    assert event.WhichOneof("event") == "succeeded", event
    data = await room.storage.get(event.succeeded.beat_analysis.beat_grid.key)
    return parse_json(data, BeatGrid())


async def test_a_songs_form_is_in_its_grid(room, tmp_path: Path):
    song = compose(bpm=124, bars=18)
    grid = await _grid(room, song.write(tmp_path / "song.flac"))
    truth = [section.start_us for section in song.sections[1:]]
    found = [section.start_us for section in grid.sections[1:]]
    near = [t for t in truth if any(abs(t - f) <= 500_000 for f in found)]
    assert len(near) >= 0.8 * len(truth)
    assert grid.sections[0].start_us == 0
    assert grid.sections[-1].end_us == grid.duration_us == grid.bars[-1].end_us
    for spans in (grid.sections, grid.bars):
        assert all(a.end_us == b.start_us for a, b in pairwise(spans))
        assert max(span.energy for span in spans) == 1
    assert all(0 < section.confidence <= grid.bpm_confidence for section in grid.sections)
    assert max(beat.energy for beat in grid.beats) == 1
    assert min(max(getattr(b, f"onset_{band}") for b in grid.beats) for band in BANDS) == 1
    assert grid.constant_tempo.bpm == pytest.approx(124, abs=0.05)
    assert [point.bpm for point in grid.tempo_curve] == [grid.bpm, grid.bpm]
    assert -18 < grid.loudness.integrated_lufs < -10
    assert -6 < grid.loudness.true_peak_dbtp < 1
    assert 1 < grid.loudness.range_lu < 15
    assert not grid.warnings


async def test_silence_has_one_section_and_no_loudness(room, tmp_path: Path):
    path = write_audio(tmp_path / "silence.wav", silence(5_000_000), 48_000)
    grid = await _grid(room, path)
    (only,) = grid.sections
    assert (only.start_us, only.end_us, only.energy, only.confidence) == (0, 5_000_000, 0, 0)
    assert not grid.HasField("loudness")
    assert not any(beat.energy or beat.onset_low or beat.onset_high for beat in grid.beats)
