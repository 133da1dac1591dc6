"""What is found in a clip's frames: cuts, stretches, curves, sharpness, focus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch_analyzer.clips import filmstrip, focus
from beatstitch_analyzer.clips.budget import is_dense
from beatstitch_analyzer.clips.proxy import proxy_size
from beatstitch_analyzer.clips.scenes import find_cuts
from beatstitch_analyzer.clips.series import LOOK_SIZE, Series, luma
from beatstitch_analyzer.clips.sharpness import sharpness
from beatstitch_analyzer.clips.stretches import find_black, find_frozen
from beatstitch_analyzer.clips.traits import (
    MAX_STEPS,
    Looks,
    clip_traits,
    picture_traits,
    step_of,
)

FRAME_US = 40_000
WIDTH, HEIGHT = LOOK_SIZE


def scene(seed: int, shift: int = 0) -> np.ndarray:
    """A picture of its own for each seed, moved to the left."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, 3)
    picture = np.tile(ground, (HEIGHT, WIDTH, 1)).astype(np.uint8)
    for _ in range(12):
        x, y = rng.integers(0, WIDTH), rng.integers(0, HEIGHT)
        picture[y : y + 20, x : x + 24] = rng.integers(0, 256, 3)
    return np.ascontiguousarray(np.roll(picture, -shift, axis=1))


def series_of(pictures) -> Series:
    series = Series()
    for index, picture in enumerate(pictures):
        series.add(index * FRAME_US, picture)
    return series


def moving(seed: int, count: int, speed: int = 1) -> list[np.ndarray]:
    return [scene(seed, speed * index) for index in range(count)]


def ranges(found) -> list[tuple[int, int]]:
    return [(item.start_us // FRAME_US, item.end_us // FRAME_US) for item in found]


def test_a_new_scene_begins_at_its_first_frame():
    series = series_of([*moving(1, 20), *moving(2, 7), *moving(3, 30)])
    assert find_cuts(series) == [20, 27]


def test_motion_however_fast_is_no_cut():
    for speed in (1, 5, 15):
        assert find_cuts(series_of(moving(4, 60, speed))) == []


def test_a_flash_is_no_cut():
    pictures = moving(5, 40)
    pictures[20] = pictures[21] = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    assert find_cuts(series_of(pictures)) == []


def test_a_low_rate_in_a_faster_file_is_no_cut():
    doubled = [picture for picture in moving(6, 30, 9) for _ in range(2)]
    assert find_cuts(series_of(doubled)) == []


def test_a_title_that_appears_is_no_cut():
    pictures = [scene(9)] * 40
    for index in range(20, 40):
        pictures[index] = scene(9)
        pictures[index][20:60, 40:90] = (200, 30, 30)
    assert find_cuts(series_of(pictures)) == []


def test_a_fade_is_no_cut():
    one, other = scene(7).astype(float), scene(8).astype(float)
    fade = [(one + (other - one) * k / 24).astype(np.uint8) for k in range(25)]
    assert find_cuts(series_of([one.astype(np.uint8)] * 10 + fade + [fade[-1]] * 10)) == []


@given(seed=st.integers(0, 10_000))
def test_two_scenes_are_told_apart_whatever_they_show(seed: int):
    pictures = [*moving(2 * seed, 12), *moving(2 * seed + 1, 12)]
    assert find_cuts(series_of(pictures)) == [12]


def test_black_stretches():
    black = [np.full((HEIGHT, WIDTH, 3), 8, np.uint8)]
    series = series_of([*black * 5, *moving(1, 20), *black * 2, *moving(2, 9), *black * 4])
    # The two frames in the middle are shorter than a tenth of a second.
    assert ranges(find_black(series, 40 * FRAME_US)) == [(0, 5), (36, 40)]


def test_frozen_stretches_with_the_noise_of_coding():
    rng = np.random.default_rng(1)
    still = [
        np.clip(scene(3).astype(int) + rng.integers(-3, 4, (HEIGHT, WIDTH, 3)), 0, 255)
        for _ in range(30)
    ]
    pictures = [*moving(3, 10, 3), *(p.astype(np.uint8) for p in still), *moving(3, 10, 3)[1:]]
    assert ranges(find_frozen(series_of(pictures), 49 * FRAME_US)) == [(10, 40)]


def test_something_small_that_moves_is_not_frozen():
    pictures = []
    for index in range(50):
        picture = scene(3)
        picture[30:36, index : index + 6] = (255, 255, 0)
        pictures.append(picture)
    assert find_frozen(series_of(pictures), 50 * FRAME_US) == []


def test_curves_have_a_value_a_step():
    pictures = [*moving(1, 50, 5), *moving(1, 1) * 50]
    traits = clip_traits(series_of(pictures), Looks(), 100 * FRAME_US)
    assert traits.step_us == 100_000
    assert len(traits.motion) == len(traits.brightness) == 40
    assert min(traits.motion[:19]) > 5 > max(traits.motion[21:])
    bright = round(float(luma(pictures[-1]).mean()))
    assert set(traits.brightness[25:]) == {bright}


def test_motion_is_the_same_at_any_frame_rate_and_not_a_cut():
    def motion(per_frame: int, every_us: int) -> list[int]:
        series = Series()
        for index in range(4_000_000 // every_us):
            series.add(index * every_us, scene(1 + index // (2_000_000 // every_us), index))
        return list(clip_traits(series, Looks(), 4_000_000).motion)

    slow, fast = motion(1, 50_000), motion(1, 25_000)
    assert max(slow) < 3 * np.median(slow)  # the cut at two seconds is not in it
    assert np.median(fast) > np.median(slow)  # twice the speed


@given(duration_us=st.integers(1, 7_200_000_000))
def test_curves_stay_short(duration_us: int):
    step = step_of(duration_us)
    assert step >= 100_000
    assert -(-duration_us // step) <= MAX_STEPS


def test_one_frame_is_a_clip():
    traits = clip_traits(series_of([scene(1)]), Looks(), 33_333)
    assert len(traits.brightness) == len(traits.motion) == 1
    assert (traits.focus_x, traits.focus_y) == focus.CENTRE


def test_blur_is_less_sharp():
    rng = np.random.default_rng(1)
    sharp = rng.uniform(0, 255, (240, 320)).astype(np.float32)
    blurred = sharp.copy()
    found = [sharpness(sharp)]
    for _ in range(3):
        blurred = (blurred + np.roll(blurred, 1, 0) + np.roll(blurred, 1, 1)) / 3
        found.append(sharpness(blurred))
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9
    assert sharpness(np.full((50, 50), 100, np.float32)) == 0


@pytest.mark.parametrize("place", [(12, 16), (48, 16), (32, 50), (32, 32)])
def test_the_eye_goes_to_what_stands_out(place: tuple[int, int]):
    rng = np.random.default_rng(1)
    grey = (100 + rng.normal(0, 2, focus.SIZE)).astype(np.float32)
    x, y = place
    grey[y - 3 : y + 3, x - 3 : x + 3] = rng.uniform(0, 255, (6, 6))
    found = focus.centre([focus.saliency(grey)])
    assert abs(found[0] / 1024 - x) < 5
    assert abs(found[1] / 1024 - y) < 5


def test_nothing_stands_out_in_nothing():
    flat = np.full(focus.SIZE, 90, np.float32)
    assert focus.centre([focus.saliency(flat)]) == focus.CENTRE
    traits = picture_traits(flat, flat)
    assert (list(traits.brightness), traits.sharpness, traits.step_us) == ([90], 0.0, 0)


def test_filmstrip_times_are_the_middles_of_equal_parts():
    assert filmstrip.times_us(10_000_000, 10) == list(range(500_000, 10_000_000, 1_000_000))
    assert [filmstrip.frame_count(n) for n in (0, 1, 7, 10, 500)] == [1, 1, 7, 10, 10]


def test_proxies_are_small_and_even():
    assert proxy_size(1920, 1080) == (640, 360)
    assert proxy_size(1080, 1920) == (360, 640)
    assert proxy_size(3841, 2161) == (640, 360)
    assert proxy_size(321, 201) == (320, 200)


def test_long_clips_are_only_glanced_at():
    info = MediaInfo(width=1920, height=1080, duration_us=220_000_000)
    info.frame_rate.num, info.frame_rate.den = 30, 1
    assert is_dense(info)
    info.duration_us = 7_200_000_000
    assert not is_dense(info)
