"""Thumbnails: upright, small, of the right frame."""

import numpy as np
import pytest
from PIL import Image

from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import AUDIO
from beatstitch_media.thumbnail import thumbnail
from beatstitch_samples import decode_frame_code, odd_images
from beatstitch_samples.coded_clips import coded_clip, coded_variant


@pytest.fixture
def small(look, work_dir, tmp_path):
    async def made(path, **options):
        info = (await look(path)).info
        out = tmp_path / "thumbnail.jpg"
        await thumbnail(path, info, out, work_dir=work_dir, **options)
        assert not list(work_dir.iterdir())
        with Image.open(out) as image:
            assert image.format == "JPEG"
            return np.asarray(image.convert("RGB"))

    return made


def code_of(image):
    code = decode_frame_code(image)
    assert code is not None
    return code


@pytest.mark.parametrize(
    "name", ["plain", "rotated_90", "rotated_180", "rotated_270", "portrait", "av1", "webm", "ts"]
)
async def test_clips(small, tmp_path, name):
    clip = coded_variant(tmp_path, name, source_id=5)
    image = await small(clip.path)
    height, width = image.shape[:2]
    assert max(width, height) == 480
    assert abs(width / height - clip.size[0] / clip.size[1]) < 0.02
    source, frame = code_of(image)
    assert source == 5
    assert abs(frame - len(clip.frames) // 10) <= 1


async def test_a_long_clip_shows_its_first_second(small, tmp_path):
    clip = coded_clip(tmp_path / "a.mp4", source_id=6, frames=600, size=(320, 180))
    assert code_of(await small(clip.path)) == (6, 30)


async def test_one_frame(small, tmp_path):
    clip = coded_variant(tmp_path, "one_frame", source_id=7)
    assert code_of(await small(clip.path)) == (7, 0)


@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
async def test_pictures(small, tmp_path, orientation):
    path = odd_images.exif_jpeg(
        tmp_path / "a.jpg", orientation=orientation, source_id=8, size=(1280, 720)
    )
    image = await small(path, max_side=320)
    assert image.shape == (180, 320, 3)
    assert code_of(image)[0] == 8


async def test_small_ones_are_not_enlarged(small, tmp_path):
    assert (await small(odd_images.tiny_image(tmp_path / "a.png"))).shape == (1, 1, 3)


async def test_a_gif_and_a_clear_picture(small, tmp_path):
    assert (await small(odd_images.animated(tmp_path / "a.gif"))).shape == (180, 320, 3)
    assert (await small(odd_images.alpha_png(tmp_path / "a.png"))).shape == (270, 480, 3)


async def test_sound_has_none(look, make, work_dir, tmp_path):
    path = make("a.mp3", "-f", "lavfi", "-i", "sine=d=2")
    info = (await look(path, AUDIO)).info
    with pytest.raises(BeatStitchError, match="no thumbnail"):
        await thumbnail(path, info, tmp_path / "t.jpg", work_dir=work_dir)
