"""Networks and onsets together; metres beyond three and four; what is computed in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch_analyzer.beats.attack import find_attacks
from beatstitch_analyzer.beats.decode_flux import decode_flux
from beatstitch_analyzer.beats.decode_rnn import decode
from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.model import FPS, Activations, Floats, Ints
from beatstitch_analyzer.beats.network_input import Resolution, network_input
from beatstitch_analyzer.beats.pieces import cut_out

from .conftest import clicks

COUNT = 4000


def onsets(frames: Ints) -> Floats:
    heard = np.zeros(COUNT, np.float32)
    heard[frames[frames < COUNT]] = 3
    return heard


def evidence(beats: Ints, bars: Ints) -> Evidence:
    """Onsets on the beats, bass and a new chord on the first ones of bars."""
    chroma = np.zeros((12, COUNT), np.float32)
    for index, (begin, end) in enumerate(zip(bars, [*bars[1:], COUNT], strict=True)):
        chroma[index * 5 % 12, begin:end] = 1
    bands = np.stack([onsets(bars), onsets(beats), onsets(beats)])
    return Evidence(bands, chroma, np.ones(COUNT, np.float32))


@pytest.mark.parametrize("metre", [2, 3, 4, 5, 6, 7])
def test_bars_have_as_many_beats_as_configured(metre: int):
    beats = np.arange(20, COUNT, 50)
    path = decode_flux(evidence(beats, beats[::metre]), metres=(metre,))
    assert path is not None
    assert path.beats_per_bar == metre
    firsts = path.frames[(path.numbers == 1) & (path.frames > 15)]
    assert np.abs(firsts[:, None] - beats[::metre]).min(axis=1).max() <= 3


def test_the_onsets_say_where_a_bar_of_five_begins():
    beats = np.arange(20, COUNT, 50)
    beat = np.full(COUNT, 0.01, np.float32)
    beat[beats] = 0.9
    wrong = np.full(COUNT, 0.005, np.float32)
    wrong[beats[2::4]], beat[beats[2::4]] = 0.6, 0.3
    path = decode(Activations(beat, wrong), metres=(5,), evidence=evidence(beats, beats[::5]))
    assert path is not None
    firsts = path.frames[(path.numbers == 1) & (path.frames > 15)]
    assert np.abs(firsts[:, None] - beats[::5]).min(axis=1).max() <= 3


def test_the_onsets_settle_an_octave_the_network_leaves_open():
    beats = np.arange(20, COUNT, 80)
    beat = np.full(COUNT, 0.02, np.float32)
    beat[beats], beat[beats[:-1] + 40] = 0.5, 0.45
    heard = evidence(beats, beats[::4])
    path = decode(Activations(beat, np.full_like(beat, 0.01)), evidence=heard)
    assert path is not None
    assert float(np.median(np.diff(path.frames))) == pytest.approx(80, abs=2)


def test_swung_notes_end_where_the_beat_begins():
    beats = np.arange(40, COUNT - 60, 60)
    notes = np.sort(np.concatenate((beats, beats + 40)))
    silent = np.zeros((12, COUNT), np.float32)
    bands = np.stack([onsets(notes)] * 3)
    path = decode_flux(Evidence(bands, silent, np.ones(COUNT, np.float32)))
    assert path is not None
    inner = path.frames[(path.frames > 100) & (path.frames < COUNT - 200)]
    assert np.abs(inner[:, None] - beats).min(axis=1).max() <= 2


def test_a_piece_of_the_input_is_that_piece_of_the_whole():
    bank = np.eye(512, 20, dtype=np.float32)
    resolutions = (Resolution(1024, bank, 1), Resolution(1024, bank, 2))
    samples = clicks(120, 6)
    whole = network_input(samples, resolutions, 0, 6 * FPS)
    piece = network_input(samples, resolutions, 123, 4 * FPS)
    assert np.array_equal(piece, whole[123 : 4 * FPS])


@pytest.mark.parametrize(("begin", "end"), [(-5, 3), (2, 6), (8, 14), (-5, 14), (-9, -2), (12, 15)])
def test_outside_the_song_is_silence(begin: int, end: int):
    song = np.arange(1, 11, dtype=np.float32)
    padded = np.concatenate((np.zeros(20, np.float32), song, np.zeros(20, np.float32)))
    assert np.array_equal(cut_out(song, begin, end), padded[begin + 20 : end + 20])


def test_attacks_at_the_ends_of_a_song():
    samples = clicks(120, 4)
    times = np.array([0.0, 0.31, 3.99])
    assert len(find_attacks(samples, times).times) == 3
