"""By how much a mix is turned: one gain, to the target, below the ceiling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1.beat_grid_pb2 import Loudness
from beatstitch_media.mastering import CEILING_DBTP, MOST_LIMITED_DB, gain_cb, limited_cb


def found(lufs: float, peak: float) -> Loudness:
    return Loudness(integrated_lufs=lufs, true_peak_dbtp=peak)


@pytest.mark.parametrize(
    ("lufs", "peak", "target", "wanted"),
    [
        (-9.0, 0.5, -14.0, -500),
        (-20.0, -12.0, -14.0, 600),
        (-20.0, -3.0, -14.0, 200),
        (-14.0, 0.5, -14.0, -150),
        (-9.0, -2.0, None, 0),
        (-9.0, 2.0, None, -300),
    ],
)
def test_gain(lufs, peak, target, wanted):
    assert gain_cb(found(lufs, peak), target) == wanted


def test_silence_stays_silence():
    assert gain_cb(None, -14.0) == 0


@given(st.floats(-60, 0), st.floats(-60, 6), st.none() | st.floats(-30, -5))
def test_never_over_the_ceiling_and_never_louder_than_asked(lufs, peak, target):
    gain = gain_cb(found(lufs, peak), target) / 100
    assert peak + gain <= CEILING_DBTP + 0.01
    assert gain <= (0 if target is None else target - lufs) + 0.01


@pytest.mark.parametrize(
    ("lufs", "peak", "target", "wanted"),
    [
        (-20.0, -12.0, -14.0, 0),
        (-20.0, -3.0, -14.0, 600),
        (-30.0, -3.0, -14.0, 800),
        (-9.0, 2.0, None, 0),
        (-9.0, 0.5, -14.0, 0),
    ],
)
def test_only_what_cannot_get_there_is_limited(lufs, peak, target, wanted):
    assert limited_cb(found(lufs, peak), target) == wanted
    assert limited_cb(None, target) == 0


@given(st.floats(-60, 0), st.floats(-60, 6), st.floats(-30, -5))
def test_no_peak_is_lowered_by_more_than_is_heard(lufs, peak, target):
    driven = limited_cb(found(lufs, peak), target) / 100
    assert not driven or peak + driven - CEILING_DBTP <= MOST_LIMITED_DB + 0.01
