"""Frame codes: read back after all that a renderer may do to a picture, never misread."""

import numpy as np
import pytest
from PIL import Image

from beatstitch_samples import coded_image, decode_frame_code, encode_frame_code, measure_mix, paint


def fitted(image, out, fit, zoom=1.0):
    """Scales a picture into a frame, cropping or boxing it as a renderer does."""
    height, width = image.shape[:2]
    pick = max if fit == "cover" else min
    scale = pick(out[0] / width, out[1] / height) * zoom
    size = (round(width * scale), round(height * scale))
    scaled = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    frame = np.zeros((out[1], out[0], 3), np.uint8)
    top, left = (out[1] - size[1]) // 2, (out[0] - size[0]) // 2
    source = scaled[max(0, -top) : max(0, -top) + out[1], max(0, -left) : max(0, -left) + out[0]]
    rows, columns = slice(max(0, top), None), slice(max(0, left), None)
    frame[rows, columns][: source.shape[0], : source.shape[1]] = source
    return frame


@pytest.mark.parametrize("fit", ["cover", "contain"])
@pytest.mark.parametrize("out", [(320, 180), (180, 320), (1280, 720), (240, 240)])
@pytest.mark.parametrize(
    "size", [(640, 360), (1920, 1080), (360, 640), (400, 400), (960, 400), (641, 359), (3840, 2160)]
)
def test_codes_survive_scaling_cropping_and_boxing(size, out, fit):
    frame = fitted(coded_image(40_321, 1_234_567, size), out, fit)
    assert decode_frame_code(frame) == (40_321, 1_234_567)


@pytest.mark.parametrize("zoom", [1.0, 1.05, 1.13, 1.3])
def test_codes_survive_a_slow_zoom(zoom):
    assert decode_frame_code(fitted(coded_image(7, 8), (320, 180), "cover", zoom)) == (7, 8)


@pytest.mark.parametrize("shift", [(-30, 12), (41, -9), (3, 5)])
def test_codes_need_not_be_in_the_middle(shift):
    moved = np.roll(coded_image(7, 8, (320, 180)), shift, axis=(1, 0))
    assert decode_frame_code(moved) == (7, 8)


def test_codes_survive_noise_blur_and_low_contrast():
    rng = np.random.default_rng(5)
    image = coded_image(513, 77, (320, 180)).astype(np.float32)
    dull = 60 + 0.4 * image + rng.normal(0, 6, image.shape)
    assert decode_frame_code(dull.clip(0, 255).astype(np.uint8)) == (513, 77)


@pytest.mark.parametrize("source_id", [0, 1, 255, 65_535])
@pytest.mark.parametrize("frame", [0, 1, 4095, 16_777_215])
def test_the_whole_range_of_numbers_fits(source_id, frame):
    assert decode_frame_code(coded_image(source_id, frame, (320, 180))) == (source_id, frame)


@pytest.mark.parametrize(("source_id", "frame"), [(-1, 0), (65_536, 0), (0, -1), (0, 1 << 24)])
def test_numbers_out_of_range_are_refused(source_id, frame):
    with pytest.raises(ValueError, match="does not fit"):
        coded_image(source_id, frame)


def test_a_picture_too_small_is_refused():
    with pytest.raises(ValueError, match="too small"):
        encode_frame_code(np.zeros((20, 20, 3), np.uint8), 1)


def test_a_damaged_code_is_never_misread():
    rng = np.random.default_rng(1)
    for frame in range(300):
        image = coded_image(9, frame, (320, 180))
        top, left, cell = (180 - 84) // 4 * 2, (320 - 84) // 4 * 2, 7
        for _ in range(rng.integers(1, 5)):
            row, column = top + rng.integers(2, 10) * cell, left + rng.integers(2, 10) * cell
            image[row : row + cell, column : column + cell] = rng.choice((0, 255))
        assert decode_frame_code(image) in (None, (9, frame))


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turned_and_mirrored_codes_are_not_read(quarter_turns):
    image = coded_image(5, 6)
    assert decode_frame_code(np.rot90(image, quarter_turns)) is None
    assert decode_frame_code(image[:, ::-1]) is None


@pytest.mark.parametrize("motif", ["city", "poster", "galaxy"])
def test_pictures_without_a_code_have_none(motif):
    assert decode_frame_code(paint(motif, 0, (640, 427))) is None


def test_black_frames_have_no_code():
    assert decode_frame_code(np.zeros((180, 320, 3), np.uint8)) is None


def test_a_crossfade_shows_the_stronger_code_and_its_weight():
    one, two = coded_image(5, 10, (320, 180)), coded_image(9, 3, (320, 180))
    for weight in np.linspace(0, 1, 21):
        mix = (one * (1 - weight) + two * weight).astype(np.uint8)
        measured = measure_mix(mix, (5, 10), (9, 3))
        assert measured == pytest.approx(weight, abs=0.01)
        if abs(weight - 0.5) > 0.08:
            assert decode_frame_code(mix) == ((5, 10) if weight < 0.5 else (9, 3))


def test_a_fade_to_black_keeps_its_code():
    image = coded_image(5, 10, (320, 180))
    assert decode_frame_code((image * 0.3).astype(np.uint8)) == (5, 10)
