"""The waveform file: what is put in comes out, at every zoom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch_analyzer.waveform import build_waveform, read_waveform
from beatstitch_core.errors import BeatStitchError

RATE = 44_100


def planes(waveform):
    return [np.frombuffer(p, np.int8) for p in (waveform.min, waveform.max, waveform.rms)]


def test_a_ramp_of_loudness():
    t = np.arange(10 * RATE)
    sound = (np.sin(t * 0.3) * t / len(t)).astype(np.float32)
    waveform = read_waveform(build_waveform(sound, RATE), buckets=100)
    low, high, rms = planes(waveform)
    assert len(low) == len(high) == len(rms) == 100
    assert (waveform.start_us, waveform.end_us, waveform.sample_rate) == (0, 10_000_000, RATE)
    assert waveform.samples_per_bucket == 4410
    wanted = 127 * (np.arange(100) + 1) / 100
    assert np.abs(high - wanted).max() <= 3
    assert np.abs(low + wanted).max() <= 3
    assert np.abs(rms - (wanted - 0.6) / np.sqrt(2)).max() <= 2


def test_full_scale_and_beyond_is_clipped_not_wrapped():
    sound = np.array([2.0, -2.0, np.nan, np.inf] * 1000, np.float32)
    low, high, rms = planes(read_waveform(build_waveform(sound, RATE)))
    assert low.min() == -128
    assert high.max() == 127
    assert rms.min() >= 0


def test_a_range_that_is_finer_than_the_file_has_fewer_buckets():
    waveform = read_waveform(
        build_waveform(np.zeros(RATE, np.float32), RATE), start_us=0, end_us=100_000, buckets=1000
    )
    assert waveform.samples_per_bucket == 256
    assert len(waveform.max) == -(-4410 // 256)


def test_beyond_the_end_there_is_nothing():
    data = build_waveform(np.zeros(RATE, np.float32), RATE)
    assert read_waveform(data, start_us=2_000_000).max == b""
    assert read_waveform(data, start_us=500_000, end_us=9_000_000).end_us == 1_000_000


@settings(deadline=None)
@given(
    count=st.integers(1, 60_000),
    start=st.integers(0, 2_000_000),
    length=st.integers(1, 2_000_000),
    buckets=st.integers(1, 3000),
)
def test_any_range_is_within_the_sound(count: int, start: int, length: int, buckets: int):
    sound = np.linspace(-1, 1, count).astype(np.float32)
    waveform = read_waveform(
        build_waveform(sound, RATE), start_us=start, end_us=start + length, buckets=buckets
    )
    low, high, rms = planes(waveform)
    assert len(low) == len(high) == len(rms) <= buckets
    assert np.all(low <= high)
    assert np.all(rms >= 0)


@pytest.mark.parametrize("data", [b"", b"BSWF", b"nonsense" * 10])
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(BeatStitchError, match="INPUT_CORRUPT"):
        read_waveform(data)


def test_a_cut_off_file_is_refused():
    data = build_waveform(np.zeros(RATE, np.float32), RATE)
    with pytest.raises(BeatStitchError, match="INPUT_CORRUPT"):
        read_waveform(data[:-10])


def test_a_minute_stays_small():
    assert len(build_waveform(np.zeros(60 * RATE, np.float32), RATE)) < 45_000
