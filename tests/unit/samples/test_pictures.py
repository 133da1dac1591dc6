"""Photos and clips: deterministic, not flat, different from one another; the demo's set."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beatstitch_samples import MOTIFS, SCENES, paint, read_codes, write_clip, write_demo_media
from beatstitch_samples.__main__ import main
from beatstitch_samples.clips import frames

SMALL = (480, 320)


@pytest.mark.parametrize("motif", MOTIFS)
def test_photos_are_the_same_every_time_and_differ_by_seed(motif):
    picture = paint(motif, 1, SMALL)
    assert picture.shape == (320, 480, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, paint(motif, 1, SMALL))
    assert not np.array_equal(picture, paint(motif, 2, SMALL))
    # Neither flat nor burnt out.
    assert picture.std() > 15
    assert (picture > 253).all(axis=2).mean() < 0.05


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_move_smoothly_and_are_the_same_every_time(scene):
    shown = list(frames(scene, 1, (320, 180), count=6))
    again = list(frames(scene, 1, (320, 180), count=6))
    assert all(np.array_equal(a, b) for a, b in zip(shown, again, strict=True))
    steps = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(shown)]
    assert min(steps) > 0.05
    # No step as large as a cut would be.
    assert max(steps) < 25


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_may_be_long_and_small(scene):
    assert sum(1 for _ in frames(scene, 0, (64, 36), count=500)) == 500


@pytest.mark.parametrize("motif", MOTIFS)
@pytest.mark.parametrize("size", [(64, 64), (96, 200)])
@pytest.mark.parametrize("seed", range(3))
def test_photos_may_be_small_or_upright(motif, size, seed):
    assert paint(motif, seed, size).shape == (size[1], size[0], 3)


def test_a_clip_is_written_with_its_frames(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", "bokeh", count=12, size=(320, 180))
    readings = read_codes(path)
    assert len(readings) == 12
    assert all(r.code is None for r in readings)


@pytest.mark.slow
def test_the_demo_set_is_complete(tmp_path: Path, capsys):
    demo = write_demo_media(tmp_path / "set", song_suffix=".mp3")
    assert demo.song.is_file()
    assert len(demo.media) == 12
    assert all(path.stat().st_size > 20_000 for path in demo.media)
    assert demo.beats_us[0] == 730_000
    assert main([str(tmp_path / "cli")]) == 0
    assert "night-drive.wav" in capsys.readouterr().out
    with Image.open(tmp_path / "cli" / "mountains.jpg") as image:
        assert image.size == (1600, 1067)
