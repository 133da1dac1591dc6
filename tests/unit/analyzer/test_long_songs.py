"""An hour of music: what grows with the song is small, and pieces give what the whole would."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from beatstitch_analyzer.beats import lattice
from beatstitch_analyzer.beats.decode_flux import decode_flux
from beatstitch_analyzer.beats.decode_rnn import decode
from beatstitch_analyzer.beats.flux import Evidence, hear
from beatstitch_analyzer.beats.model import FPS, Activations
from beatstitch_analyzer.beats.pieces import cut_out, loudest
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.beats.windows import CORE, MARGIN, split_windows
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_analyzer.waveform import build_waveform, file

from .conftest import RATE, clicks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MB = 1_000_000


def evidence(count: int) -> Evidence:
    """Onsets every half second."""
    bands = np.full((3, count), -0.2, np.float32)
    bands[:, 20::50] = 3
    chroma = np.zeros((12, count), np.float32)
    chroma[0] = 1
    return Evidence(bands, chroma, np.ones(count, np.float32))


def mapped(path: Path, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    samples.astype("<f4").tofile(path)
    return np.memmap(path, "<f4", mode="r")


def peak_of(work: Callable[[], object]) -> int:
    """Most bytes that numpy and Python held at a time; mapped files don't count."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def resident_file_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssFile:")[1].split()[0]) * 1024


def test_a_decoder_holds_a_byte_and_not_the_worth_of_each_beat_that_may_be():
    # Four minutes: 8 MB of bytes; worth alone would be three times 8 MB of floats.
    heard = evidence(4 * 60 * FPS)
    assert peak_of(lambda: decode_flux(heard, metres=(4,))) < 20 * MB


@pytest.mark.parametrize("network", [False, True])
def test_beats_scored_in_pieces_are_those_scored_at_once(network, monkeypatch):
    rng = np.random.default_rng(4)
    heard = evidence(6000)
    heard.bands[:] += rng.normal(0, 0.8, heard.bands.shape)
    beat = np.clip(heard.bands[0] / 6, 0, 0.6)
    activations = Activations(beat, beat / 3)

    def follow():
        return decode(activations, evidence=heard) if network else decode_flux(heard)

    paths = []
    for ahead in (120, 2048, 1_000_000):
        monkeypatch.setattr(lattice, "_AHEAD", ahead)
        paths.append(follow())
    for path in paths[1:]:
        assert np.array_equal(path.frames, paths[0].frames)
        assert np.array_equal(path.numbers, paths[0].numbers)
        assert path.log_probability == paths[0].log_probability


def test_a_mapped_song_leaves_memory_behind_what_is_read(tmp_path: Path):
    song = mapped(tmp_path / "song", np.ones(20 * MB, np.float32))
    assert loudest(song) == 1
    before = resident_file_bytes()
    for first in range(0, len(song), MB):
        assert cut_out(song, first, first + MB).sum() == MB
    assert resident_file_bytes() - before < 16 * MB  # of 80


def test_a_song_in_a_file_sounds_as_in_memory(tmp_path: Path, librosa_tracker):
    samples = clicks(128, 20)
    song = mapped(tmp_path / "song", samples)
    one, other = (track(s, RATE, librosa_tracker) for s in (samples, song))
    assert np.array_equal(one.times, other.times)
    forms = [hear_form(s, RATE, one) for s in (samples, song)]
    assert np.array_equal(forms[0].onsets, forms[1].onsets)
    assert build_waveform(samples, RATE) == build_waveform(song, RATE)


def test_listening_and_drawing_hold_no_copy_of_the_song(tmp_path: Path):
    minutes = 4
    song = mapped(tmp_path / "song", clicks(120, 60 * minutes))
    assert peak_of(lambda: build_waveform(song, RATE)) < 20 * MB  # a copy: 42
    assert peak_of(lambda: hear(song)) < 20 * MB


def test_numbers_that_are_none_count_as_silence_wherever_they_are_read():
    samples = np.array([0.5, np.nan, np.inf, -0.25, -np.inf], np.float32)
    assert list(cut_out(samples, -1, 6)) == [0, 0.5, 0, 0, -0.25, 0, 0]
    assert loudest(samples) == 0.5


def test_a_waveform_of_pieces_is_that_of_the_whole(monkeypatch):
    samples = np.random.default_rng(0).uniform(-1, 1, 200_001).astype(np.float32)
    whole = build_waveform(samples, RATE)
    monkeypatch.setattr(file, "_PIECE", file.SAMPLES_PER_BIN[-1])
    assert build_waveform(samples, RATE) == whole


@pytest.mark.parametrize("seconds", [51, 90, 200, 3600])
def test_windows_repeat_no_more_than_their_margins(seconds: int):
    count, heard = seconds * FPS, 0

    def read(begin: int, end: int) -> NDArray[np.float32]:
        return np.zeros((end - begin, 1), np.float32)

    windows = 0
    for batch in split_windows(count, read, 4):
        windows += len(batch)
        heard += batch.shape[0] * batch.shape[1]
        assert batch.shape[1] <= CORE + 2 * MARGIN
    assert heard - count <= windows * 2 * MARGIN
