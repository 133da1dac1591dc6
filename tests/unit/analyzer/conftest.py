"""Sound for the analyzer's unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from beatstitch_analyzer.backends import installed
from beatstitch_analyzer.beats.trackers import load_tracker
from beatstitch_samples import click_track, compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 44_100


def mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, channels) → (n,)."""
    return samples.mean(axis=1).astype(np.float32)


def clicks(bpm: float, seconds: float, first: float = 0.3) -> NDArray[np.float32]:
    """A click track and nothing else."""
    beats = [round(t * 1e6) for t in np.arange(first, seconds, 60 / bpm)]
    return mono(click_track(beats, round(seconds * 1e6), sample_rate=RATE))


@pytest.fixture(scope="session")
def song():
    """A song of 30 seconds at 112 BPM with its truth."""
    return compose(bpm=112, bars=13)


@pytest.fixture(scope="session")
def librosa_tracker():
    """The fallback."""
    return load_tracker("librosa")


@pytest.fixture(scope="session")
def madmom_tracker():
    """The networks; skips where they are not installed."""
    if "madmom" not in installed():
        pytest.skip("madmom is an extra")
    return load_tracker("madmom")
