"""Louder than the peaks allow: peaks are lowered, and nothing else moves."""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from beatstitch_media.mastering import CEILING_DBTP, gain_cb, limit_mix, limited_cb, measure_mix

RATE = 48_000
TARGET = -14.0


def hits() -> np.ndarray:
    """Soft noise with a loud hit each half second; an odd number of samples."""
    random = np.random.default_rng(1)
    sound = random.standard_normal((4 * RATE + 77, 2)) * 0.05
    for start in range(RATE // 4, len(sound), RATE // 2):
        sound[start : start + 200] *= 5
    return sound.astype("<f4")


async def test_peaks_are_lowered_and_every_sample_stays_at_its_place(tmp_path):
    mix, limited = tmp_path / "mix", tmp_path / "limited"
    before = hits()
    mix.write_bytes(before.tobytes())
    found = await measure_mix(mix, work_dir=tmp_path)
    driven = limited_cb(found, TARGET)
    assert driven > gain_cb(found, TARGET)
    made = []
    for _ in range(2):
        await limit_mix(mix, limited, work_dir=tmp_path, gain_cb=driven)
        made.append(limited.read_bytes())
    assert made[0] == made[1]
    after = np.frombuffer(made[0], "<f4").reshape(-1, 2)
    assert after.shape == before.shape
    again = await measure_mix(limited, work_dir=tmp_path)
    last = gain_cb(again, TARGET) / 100
    # Louder than one gain alone would have made it, and below the ceiling by another's measure.
    alone = found.integrated_lufs + gain_cb(found, TARGET) / 100
    assert again.integrated_lufs + last > alone + 1
    peak = np.abs(resample_poly(after * 10 ** (last / 20), 8, 1, axis=0)).max()
    assert 20 * np.log10(peak) < CEILING_DBTP + 0.15
    soft = slice(RATE // 2 - 4000, RATE // 2 + 4000)
    lags = range(-5, 6)
    fits = [float((before[soft] * np.roll(after, -lag, axis=0)[soft]).sum()) for lag in lags]
    assert lags[int(np.argmax(fits))] == 0
    # The same sound, but for what the way through 192 kHz leaves out near the highest tones.
    assert np.corrcoef(before[soft, 0], after[soft, 0])[0, 1] > 0.95
