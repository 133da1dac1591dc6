"""Posters and contact sheets: which frames, and how they lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch_renderer.album import MOST_TILES, Album, appeal, sheet, tile_frames

NOISE = np.random.default_rng(1).integers(60, 200, (90, 160), np.uint8)


def flat(value: int) -> np.ndarray:
    return np.full((90, 160), value, np.uint8)


@given(st.sets(st.integers(1, 9_999), max_size=300), st.integers(10_000, 20_000))
def test_tiles_are_spread_over_all_segments(cuts, count):
    inner = sorted(cuts)
    frames = tile_frames(inner, count)
    assert len(frames) == min(len(inner) + 1, MOST_TILES)
    segments = [int(np.searchsorted(inner, frame, "right")) for frame in frames]
    assert segments[0] == 0
    steps = np.diff(segments)
    if len(frames) > 1:
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


def test_the_poster_has_most_to_see():
    assert appeal(flat(16)) == appeal(flat(235)) == appeal(flat(128)) == 0
    dark = (16 + NOISE // 20).astype(np.uint8)
    assert appeal(NOISE) > appeal(dark) > 0
    shown = {0: flat(235), 10: dark, 20: NOISE, 30: NOISE, 15: np.roll(NOISE, 3) | 1}
    album = Album([10, 20, 30], 40)
    for frame, luma in sorted(shown.items()):
        album.look(frame, luma, lambda f=frame: np.full((90, 160, 3), f, np.uint8))
    # Of two equal ones the first; frame 15 begins no segment.
    assert album.poster is not None
    assert (album.poster == 20).all()


def test_only_wanted_frames_are_converted():
    asked = []
    album = Album([10], 20)

    def rgb(frame: int) -> np.ndarray:
        asked.append(frame)
        return np.full((90, 160, 3), frame, np.uint8)

    for frame in range(20):
        album.look(frame, NOISE, lambda f=frame: rgb(f))
    assert asked == [0, 4, 14]
    assert album.contact_sheet is not None
    assert set(np.unique(album.contact_sheet)) == {4, 14, 16}


@pytest.mark.parametrize("size", [(90, 160), (1080, 1920), (1920, 1080), (16, 7680)])
@pytest.mark.parametrize("count", [1, 4, 7, 40])
def test_tiles_lie_in_rows(size, count):
    album = Album(range(10, 10 * count, 10), 10 * count)
    for frame in range(10 * count):
        picture = np.full((*size, 3), frame % 200 + 50, np.uint8)
        album.look(frame, picture[..., 0], lambda p=picture: p)
    made = album.contact_sheet
    assert made is not None
    assert made.shape[1] <= 5 * 324 + 4
    assert made.shape[0] <= 8 * 324 + 4


def test_a_sheet_is_read_from_left_to_right():
    made = sheet([np.full((18, 32, 3), 100 + i, np.uint8) for i in range(7)])
    assert made.shape == (2 * 22 + 4, 5 * 36 + 4, 3)
    assert [int(made[10, 20 + 36 * i, 0]) for i in range(5)] == [100, 101, 102, 103, 104]
    assert [int(made[32, 20 + 36 * i, 0]) for i in range(3)] == [105, 106, 16]


def test_nothing_came_by():
    album = Album([], 5)
    assert album.poster is None
    assert album.contact_sheet is None
