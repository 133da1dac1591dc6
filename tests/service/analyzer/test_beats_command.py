"""`python -m beatstitch_analyzer.beats`: paths in, one honest JSON line out for each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatstitch_samples import click_track, compose, noise, silence, tone, write_audio

RATE = 44_100
LENGTH_US = 15_000_000


def answers(*arguments: str, stdin: str = "") -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "beatstitch_analyzer.beats", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound of five kinds and a file that is none."""
    folder = tmp_path_factory.mktemp("sounds")
    sounds = {
        "silence": silence(LENGTH_US, sample_rate=RATE),
        "noise": noise(LENGTH_US, sample_rate=RATE),
        "drone": tone(98, LENGTH_US, sample_rate=RATE),
        "blip": click_track([100_000], 300_000, sample_rate=RATE),
        "drifting": compose(bars=10, seed=3, tempo_map=[(0, 100), (40, 124)]).samples,
    }
    for name, samples in sounds.items():
        write_audio(folder / f"{name}.wav", samples, RATE)
    (folder / "text.wav").write_text("no sound")
    return folder


@pytest.mark.parametrize("backend", ["madmom", "librosa"])
def test_what_has_no_beat_has_none_and_says_so(folder: Path, backend: str):
    paths = [str(folder / f"{name}.wav") for name in ("silence", "noise", "drone", "blip")]
    code, found = answers("--backend", backend, *paths)
    if code == 2:
        pytest.skip("madmom is an extra")
    assert code == 0
    assert [line["path"] for line in found] == paths
    for line in found:
        assert (line["beats"], line["downbeats"], line["tempo"]) == ([], [], None), line["path"]
        assert (line["confidence"], line["warnings"]) == (0, ["NO_BEAT_FOUND"])


def test_a_song_has_beats_and_the_services_own_doubts(folder: Path):
    path = str(folder / "drifting.wav")
    _, [line] = answers("--backend", "librosa", path)
    assert line["warnings"] == ["TEMPO_DRIFTS"]
    assert 0.5 <= line["confidence"] <= 0.7
    assert np.all(np.diff(line["beats"]) > 0)
    assert set(line["downbeats"]) <= set(line["beats"])
    assert 100 < line["tempo"] < 124


def test_a_file_that_cannot_be_read_does_not_end_the_run(folder: Path):
    paths = [folder / "text.wav", folder / "nowhere.wav", folder / "silence.wav"]
    code, found = answers("--backend", "librosa", stdin="".join(f"{path}\n" for path in paths))
    assert code == 1
    assert ["error" in line for line in found] == [True, True, False]
