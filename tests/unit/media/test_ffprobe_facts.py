"""What is read out of ffprobe's JSON."""

from fractions import Fraction

import pytest

from beatstitch_media.ffprobe import facts_of


def video(**fields):
    shown = {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 64, "height": 36}
    return facts_of({"streams": [shown | fields], "format": {}}).video


@pytest.mark.parametrize(
    ("counter_clockwise", "clockwise"),
    [(0, 0), (-90, 90), (90, 270), (180, 180), (-180, 180), (-270, 270), ("-89.9", 90), ("?", 0)],
)
def test_rotation(counter_clockwise, clockwise):
    side = {"side_data_type": "Display Matrix", "rotation": counter_clockwise}
    assert video(side_data_list=[{"other": 1}, side]).rotation == clockwise


@pytest.mark.parametrize(
    ("pix_fmt", "depth", "alpha"),
    [
        ("yuv420p", 8, False),
        ("yuvj444p", 8, False),
        ("yuv420p10le", 10, False),
        ("yuv444p12be", 12, False),
        ("yuva444p12le", 12, True),
        ("gbrp16le", 16, False),
        ("gbrap10le", 10, True),
        ("rgba64le", 16, True),
        ("rgb48be", 16, False),
        ("gray16le", 16, False),
        ("gray", 8, False),
        ("p010le", 10, False),
        ("nv12", 8, False),
        ("rgb24", 8, False),
        ("rgba", 8, True),
        ("", 8, False),
    ],
)
def test_depth_and_alpha(pix_fmt, depth, alpha):
    found = video(pix_fmt=pix_fmt)
    assert (found.bit_depth, found.has_alpha) == (depth, alpha)


@pytest.mark.parametrize(
    ("text", "aspect"),
    [("1:1", 1), ("0:1", 1), ("64:45", Fraction(64, 45)), ("1:1000", 1), ("x", 1), (None, 1)],
)
def test_pixel_aspect(text, aspect):
    assert video(sample_aspect_ratio=text).aspect == aspect


def test_alpha_of_webm_is_a_tag():
    assert video(pix_fmt="yuv420p", tags={"ALPHA_MODE": "1"}).has_alpha


def test_cover_art_is_not_a_clip():
    cover = {"index": 1, "codec_type": "video", "disposition": {"attached_pic": 1}}
    sound = {"index": 0, "codec_type": "audio", "codec_name": "mp3", "sample_rate": "44100"}
    found = facts_of({"streams": [sound, cover], "format": {"duration": "N/A"}})
    assert found.video is None
    assert found.audio is not None
    assert (found.audio.sample_rate, found.duration) == (44_100, 0)


def test_nothing_at_all():
    found = facts_of({})
    assert (found.video, found.audio, found.format) == (None, None, "")
