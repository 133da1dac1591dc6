"""What ffmpeg's scanner says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beatstitch_media.loudness import LOG, read

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

FRAME = """frame:{n}    pts:{n}     pts_time:{n}
lavfi.r128.M=-46.401
lavfi.r128.S=-17.206
lavfi.r128.I={integrated}
lavfi.r128.LRA=5.714
lavfi.r128.LRA.low=-17.840
lavfi.r128.LRA.high=-12.130
lavfi.r128.true_peaks_ch0=0.728
lavfi.r128.true_peaks_ch1={peak}
lavfi.r128.true_peak={peak}
"""


def log(folder: Path, *values: tuple[str, str]) -> Path:
    path = folder / LOG
    frames = [FRAME.format(n=n, integrated=i, peak=p) for n, (i, p) in enumerate(values)]
    path.write_text("".join(frames))
    return path


def test_the_last_word_counts(tmp_path: Path):
    found = read(log(tmp_path, *[("-30.000", "0.100")] * 500, ("-14.042", "1.000")))
    assert found is not None
    assert found.integrated_lufs == -14.04
    assert found.range_lu == 5.71
    assert found.true_peak_dbtp == 0


@pytest.mark.parametrize("word", ["-70.000", "-inf", "nan", "?"])
def test_silence_has_none(tmp_path: Path, word: str):
    assert read(log(tmp_path, (word, "0.000"))) is None


def test_no_word_is_none(tmp_path: Path):
    assert read(tmp_path / "none.txt") is None
    (tmp_path / LOG).write_bytes(b"")
    assert read(tmp_path / LOG) is None


def test_a_peak_of_nothing_is_finite(tmp_path: Path):
    path = log(tmp_path, ("-60.000", "-nan"))
    path.write_text(path.read_text().replace("0.728", "0.000"))
    found = read(path)
    assert found is not None
    assert -70 < found.true_peak_dbtp < -60
