"""Pictures come out upright, sRGB, 8 bits, whatever they were."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.image import load_image
from beatstitch_media.tone import curve_of, to_709
from beatstitch_samples import odd_images

RED_TOP = np.zeros((40, 60, 3), np.uint8)
RED_TOP[:20] = (255, 0, 0)
RED_TOP[20:] = (0, 0, 255)
RED_TOP[:20, :30] = (0, 255, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(RED_TOP)
    stored = image if turns[orientation] is None else image.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "p.png"
    stored.save(path, exif=exif)
    np.testing.assert_array_equal(load_image(path), RED_TOP)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK"])
def test_modes(tmp_path, mode):
    path = tmp_path / ("p.jpg" if mode == "CMYK" else "p.png")
    Image.fromarray(RED_TOP).convert("RGB").convert(mode).save(path)
    found = load_image(path)
    assert found.dtype == np.uint8
    assert found.shape == (40, 60, 3)
    assert found.flags.c_contiguous


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    deep = np.linspace(0, 65_535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(deep).save(tmp_path / "p.png")
    found = load_image(tmp_path / "p.png")
    np.testing.assert_array_equal(found[..., 0].ravel(), np.arange(256))


def test_sixteen_bit_colour(tmp_path):
    deep = load_image(odd_images.deep_png(tmp_path / "deep.png", source_id=3))
    plain = odd_images.coded_image(3, 0, (640, 360))
    assert np.abs(deep.astype(int) - plain).max() <= 1


def test_alpha_is_kept_only_where_something_is_transparent(tmp_path):
    rgba = np.dstack([RED_TOP, np.full((40, 60), 255, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "opaque.png")
    assert load_image(tmp_path / "opaque.png").shape == (40, 60, 3)
    rgba[0, 0, 3] = 7
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    np.testing.assert_array_equal(load_image(tmp_path / "clear.png"), rgba)


def test_a_transparent_palette_colour(tmp_path):
    found = load_image(odd_images.palette_png(tmp_path / "p.png"))
    assert found.shape[2] == 4
    assert found[..., 3].min() == 0


def test_icc_profiles_are_applied(tmp_path):
    """A profile whose red and blue primaries are swapped turns the colours round."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red = profile.index(b"rXYZ", 128)
    blue = profile.index(b"bXYZ", 128)
    swapped = bytearray(profile)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "p.png", icc_profile=bytes(swapped))
    found = load_image(tmp_path / "p.png")
    assert found[0, 0, 2] > 200
    assert found[0, 0, 0] < 60


def test_a_broken_icc_profile_is_ignored(tmp_path):
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "p.png", icc_profile=b"nonsense" * 20)
    assert tuple(load_image(tmp_path / "p.png")[0, 0]) == (255, 0, 0)


def test_jpeg_is_decoded_small_where_small_is_enough(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1600, 800), (9, 99, 200)).save(tmp_path / "p.jpg", exif=exif)
    assert load_image(tmp_path / "p.jpg").shape == (1600, 800, 3)
    assert load_image(tmp_path / "p.jpg", at_least=(180, 390)).shape == (400, 200, 3)


def test_the_same_bytes_every_time(tmp_path):
    path = odd_images.cmyk_jpeg(tmp_path / "p.jpg")
    np.testing.assert_array_equal(load_image(path), load_image(path))


def test_damage(tmp_path):
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    data = buffer.getvalue()
    for cut in (0, 4, 20, len(data) // 2, len(data) - 100):
        (tmp_path / "p.png").write_bytes(data[:cut])
        with pytest.raises(BeatStitchError) as caught:
            load_image(tmp_path / "p.png")
        assert caught.value.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT


def test_other_formats_are_not_opened(tmp_path):
    Image.fromarray(RED_TOP).save(tmp_path / "p.tif")
    with pytest.raises(BeatStitchError):
        load_image(tmp_path / "p.tif")


def test_bombs_are_refused_by_their_header(tmp_path):
    with pytest.raises(BeatStitchError, match="30000 × 30000") as caught:
        load_image(odd_images.png_bomb(tmp_path / "b.png"))
    assert caught.value.reason == failure_pb2.ERROR_REASON_INPUT_TOO_LARGE


@pytest.mark.parametrize(("transfer", "primaries"), [(16, 9), (18, 9), (1, 9)])
def test_an_hdr_picture_is_bent_as_a_clip_is(tmp_path, transfer, primaries):
    """The same numbers in PQ, HLG or BT.2020 are the same picture, still or moving."""
    path = tmp_path / "p.avif"
    flat = np.zeros((32, 32, 3), np.uint8)
    flat[:] = (148, 120, 90)
    Image.fromarray(flat).save(path, quality=100, subsampling="4:4:4")
    plain = load_image(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", primaries, transfer)
    path.write_bytes(data)
    expected = to_709(plain.astype(np.uint16) * 257, curve_of(transfer, primaries))
    found = load_image(path)
    assert found.shape == plain.shape
    assert np.abs(found.astype(int) - expected).max() <= 2
    assert np.abs(found.astype(int) - plain).max() > 5
