"""Loudness in the same pass as the decoding, by ffmpeg's scanner."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch_media.audio import decode_mono
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.signals import silence, tone

pytestmark = pytest.mark.service

LENGTH_US = 10_000_000


async def test_the_standards_tone(tmp_path, work_dir):
    # EBU Tech 3341, case 1: 1 kHz in both channels at -23 dBFS is -23 LUFS.
    sine = tone(1000, LENGTH_US, channels=2, level=10 ** (-23 / 20))
    path = write_audio(tmp_path / "tone.wav", sine, 48_000)
    found = (await decode_mono(path, work_dir=work_dir, with_loudness=True)).loudness
    assert found is not None
    assert found.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert found.true_peak_dbtp == pytest.approx(-23, abs=0.2)
    assert found.range_lu == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.opus"])
async def test_measuring_changes_no_sample(tmp_path, work_dir, name):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, (96_000, 2)).astype(np.float32)
    path = write_audio(tmp_path / name, sound, 48_000)
    plain = await decode_mono(path, work_dir=work_dir)
    before = plain.array().copy()
    measured = await decode_mono(path, work_dir=work_dir, with_loudness=True)
    assert np.array_equal(before, measured.array())
    assert plain.loudness is None
    assert measured.loudness is not None
    assert -25 < measured.loudness.integrated_lufs < -10


@pytest.mark.parametrize("length_us", [200_000, 3_000_000])
async def test_silence_has_no_loudness(tmp_path, work_dir, length_us):
    path = write_audio(tmp_path / "silence.wav", silence(length_us), 48_000)
    assert (await decode_mono(path, work_dir=work_dir, with_loudness=True)).loudness is None
