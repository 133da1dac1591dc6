"""Every kind of coded clip: all its codes are read back, at the times it claims."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from beatstitch_samples import (
    VARIANTS,
    check_grid,
    coded_clip,
    coded_variant,
    decode_audio,
    find_clicks,
    find_cuts,
    find_jumps,
    read_codes,
)

# Matroska counts in milliseconds.
TOLERANCE = {".mkv": Fraction(1, 1000), ".webm": Fraction(1, 1000)}


@pytest.mark.parametrize("name", VARIANTS)
def test_codes_and_times_of_every_variant(tmp_path: Path, name):
    # Half the usual length is enough here; what needs more says so itself.
    changes = {} if "frames" in VARIANTS[name].settings else {"frames": 30}
    clip = coded_variant(tmp_path, name, source_id=321, **changes)
    readings = read_codes(clip.path)
    assert [r.code for r in readings] == [(321, n) for n in clip.frames]
    start = readings[0].time
    for reading, time in zip(readings, clip.times, strict=True):
        assert abs(reading.time - start - time) <= TOLERANCE.get(clip.path.suffix, 0)
    assert find_cuts(readings) == []
    assert find_jumps(readings) == []


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path):
    one = coded_clip(tmp_path / "one.mp4", source_id=4, frames=20)
    two = coded_clip(tmp_path / "two.mp4", source_id=4, frames=20)
    assert one.path.read_bytes() == two.path.read_bytes()


def test_a_long_gop_has_one_key_frame(tmp_path: Path):
    readings = read_codes(coded_variant(tmp_path, "long_gop").path)
    assert [r.index for r in readings if r.key] == [0]


def test_an_edit_list_hides_the_first_frames(tmp_path: Path):
    clip = coded_variant(tmp_path, "edit_list")
    with av.open(str(clip.path)) as container:
        stored = sum(packet.size > 0 for packet in container.demux(video=0))
    assert stored == 60
    assert clip.frames[0] == 7
    assert len(read_codes(clip.path)) == 53


def test_rotation_is_stored_as_a_display_matrix(tmp_path: Path):
    clip = coded_variant(tmp_path, "rotated_90", frames=3)
    assert clip.size == (640, 360)
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (360, 640)
        # PyAV counts anticlockwise: a quarter turn clockwise to be made is -90.
        assert next(container.decode(stream)).rotation == -90


def test_variable_frame_rate_is_variable(tmp_path: Path):
    clip = coded_variant(tmp_path, "vfr", frames=12)
    steps = {right - left for left, right in zip(clip.times, clip.times[1:], strict=False)}
    assert len(steps) == 6


def test_ntsc_rate_is_exact(tmp_path: Path):
    clip = coded_variant(tmp_path, "fps_29_97", frames=40)
    report = check_grid(read_codes(clip.path), Fraction(30000, 1001))
    assert report.off_grid == ()
    assert report.frames == 40


def test_sound_of_a_clip_clicks_each_second(tmp_path: Path):
    clip = coded_clip(tmp_path / "sound.mp4", source_id=1, frames=75, audio=True)
    samples, rate = decode_audio(clip.path)
    clicks = find_clicks(samples, rate)
    assert len(clicks) == 3
    assert all(abs(click - n * rate) <= 1 for n, click in enumerate(clicks))
