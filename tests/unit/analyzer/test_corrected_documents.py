"""A corrected grid is built as a heard one: bars, curve and line are the same."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay, ScaleTempo
from beatstitch_analyzer.beats.model import Tracking
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_core.grid_edits import apply_overlay


@pytest.mark.parametrize("steady", [True, False])
def test_an_edit_that_changes_nothing_gives_the_heard_document(steady):
    times = 0.4 + np.arange(41) * 0.5
    if not steady:
        times = times + 0.02 * np.sin(np.arange(41))
    numbers = (np.arange(41) + 2) % 4 + 1
    tracking = Tracking(
        times=times,
        numbers=numbers,
        trust=np.linspace(0.2, 1, 41),
        bpm=60 / float(np.median(np.diff(times))),
        confidence=0.9,
        beats_per_bar=4,
        metre_heard=True,
        steady=steady,
        tempi=(),
        analyzer="librosa",
        analyzer_version="1",
    )
    heard = to_beat_grid(tracking, audio_sha256="", sample_rate=44_100, duration_us=21_000_000)
    for index, beat in enumerate(heard.beats):
        beat.energy = round((index % 5) / 5, 4)
    same = BeatGridOverlay(edits=[BeatGridEdit(scale_tempo=ScaleTempo(num=1, den=1))])
    edited, _ = apply_overlay(heard, same)
    assert list(edited.beats) == list(heard.beats)
    assert list(edited.tempo_curve) == list(heard.tempo_curve)
    assert edited.HasField("constant_tempo") == heard.HasField("constant_tempo") == steady
    spans = [(bar.start_us, bar.end_us, bar.first_beat_index) for bar in heard.bars]
    assert [(bar.start_us, bar.end_us, bar.first_beat_index) for bar in edited.bars] == spans
    again, _ = apply_overlay(edited, same)
    assert list(again.bars) == list(edited.bars)
