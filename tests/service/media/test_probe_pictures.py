"""Pictures of every shape."""

import pytest
from PIL import Image

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import IMAGE, VIDEO
from beatstitch_samples import coded_image, odd, odd_images

SIZE = (320, 180)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.avif", "a.gif"])
async def test_formats(look, tmp_path, name):
    Image.fromarray(coded_image(1, 0, SIZE)).save(tmp_path / name)
    for expected in (IMAGE, VIDEO, None):
        found = await look(tmp_path / name, expected, filename="holiday.mov")
        info = found.info
        assert (info.media_type, info.width, info.height) == (IMAGE, *SIZE)
        assert info.format == {"a.jpg": "jpeg"}.get(name, name[2:])
        assert (info.bit_depth, info.has_alpha, info.duration_us) == (8, False, 0)
        assert found.demuxer == ""


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, 0), (2, 0), (3, 180), (4, 180), (5, 90), (6, 90), (7, 270), (8, 270)],
)
async def test_exif_rotation(look, tmp_path, orientation, turn):
    path = odd_images.exif_jpeg(tmp_path / "a.jpg", orientation=orientation, size=(360, 640))
    info = (await look(path)).info
    assert (info.width, info.height, info.rotation_degrees) == (360, 640, turn)


async def test_depth_and_alpha(look, tmp_path):
    deep = (await look(odd_images.deep_png(tmp_path / "deep.png"))).info
    assert (deep.bit_depth, deep.has_alpha) == (16, False)
    assert (await look(odd_images.alpha_png(tmp_path / "alpha.png"))).info.has_alpha
    assert (await look(odd_images.palette_png(tmp_path / "palette.png"))).info.has_alpha
    assert not (await look(odd_images.grey_png(tmp_path / "grey.png"))).info.has_alpha


async def test_an_animated_png_is_its_first_picture(look, tmp_path):
    assert (await look(odd_images.animated(tmp_path / "a.png"))).info.media_type == IMAGE


async def test_truncated(look, tmp_path):
    for name in ("a.jpg", "a.png", "a.webp", "a.bmp", "a.avif"):
        Image.effect_noise((300, 200), 80).convert("RGB").save(tmp_path / name)
        with pytest.raises(BeatStitchError) as caught:
            await look(odd.truncated(tmp_path / f"cut-{name}", tmp_path / name, 0.5))
        assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT
        assert caught.value.message.startswith(f"cut-{name}")


async def test_heic_without_its_extra_is_refused_by_name(look, tmp_path):
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    with pytest.raises(BeatStitchError, match=r"IMG_0001\.HEIC"):
        await look(path)
