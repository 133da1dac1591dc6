"""Odd files are what they claim to be."""

import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps, ImageSequence

from beatstitch_samples import decode_audio, decode_frame_code, write_odd_files

URL = "http://127.0.0.1:9/secret"


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return write_odd_files(tmp_path_factory.mktemp("odd"), url=URL, local_path="/nowhere/secret")


def read(path: Path):
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        return upright.size, decode_frame_code(np.asarray(upright.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations_lead_upright(odd, orientation):
    assert read(odd[f"exif_{orientation}"]) == ((640, 360), (910 + orientation, 0))


@pytest.mark.parametrize(
    ("name", "mode", "source_id"),
    [
        ("alpha_png", "RGBA", 920),
        ("grey_png", "L", 922),
        ("palette_png", "P", 923),
        ("cmyk_jpeg", "CMYK", 924),
    ],
)
def test_colour_modes(odd, name, mode, source_id):
    with Image.open(odd[name]) as image:
        assert image.mode == mode
    assert read(odd[name]) == ((640, 360), (source_id, 0))


def test_the_deep_png_has_sixteen_bits(odd):
    assert odd["deep_png"].read_bytes()[24:26] == bytes([16, 2])
    assert read(odd["deep_png"])[1] == (921, 0)


@pytest.mark.parametrize(("name", "source_id"), [("gif", 925), ("webp", 926)])
def test_animations_carry_a_code_in_each_frame(odd, name, source_id):
    with Image.open(odd[name]) as image:
        codes = [
            decode_frame_code(np.asarray(frame.convert("RGB")))
            for frame in ImageSequence.Iterator(image)
        ]
    assert codes == [(source_id, n) for n in range(8)]


def test_the_bomb_is_small_and_huge(odd):
    data = odd["bad_png_bomb"].read_bytes()
    assert len(data) < 200_000
    assert int.from_bytes(data[16:20], "big") == int.from_bytes(data[20:24], "big") == 30_000
    body = data[data.index(b"IDAT") + 4 : -16]
    unpacker, count = zlib.decompressobj(), 0
    chunk = unpacker.decompress(body, 1 << 20)
    while chunk:
        count += len(chunk)
        chunk = unpacker.decompress(unpacker.unconsumed_tail, 1 << 20)
    assert count == 30_000 * 3751


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_gif_bomb_is_small_and_huge(odd, monkeypatch):
    assert odd["bad_gif_bomb"].stat().st_size < 8_000
    # Pillow itself refuses a canvas of that size on opening, with the limit that it comes with;
    # libs/media has its own and switches Pillow's off.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1024**3 // 12)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(odd["bad_gif_bomb"])


@pytest.mark.parametrize("name", ["bad_truncated_mp4", "bad_empty", "bad_text", "bad_random"])
def test_broken_films_do_not_open(odd, name):
    with pytest.raises((av.error.FFmpegError, IndexError)), av.open(str(odd[name])) as container:
        next(container.decode(video=0))


@pytest.mark.parametrize("name", ["bad_hls_url", "bad_concat_url", "bad_dash_url", "bad_svg_url"])
def test_hostile_files_name_their_target(odd, name):
    assert URL in odd[name].read_text()


@pytest.mark.parametrize("name", ["bad_hls_file", "bad_concat_file", "bad_svg_file"])
def test_hostile_files_name_a_local_file(odd, name):
    assert "/nowhere/secret" in odd[name].read_text()


def test_odd_sounds(odd):
    assert len(decode_audio(odd["short_sound"])[0]) == 14_400
    assert not decode_audio(odd["silence"])[0].any()
    with av.open(str(odd["sound_only_mp4"])) as container:
        assert not container.streams.video
        assert container.streams.audio
