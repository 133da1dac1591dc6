"""Measuring: clicks to the sample, cuts to the frame, time stamps to the tick."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beatstitch_samples import (
    AudioTrack,
    VideoFormat,
    check_grid,
    click_track,
    coded_image,
    contact_sheet,
    decode_audio,
    find_clicks,
    find_cuts,
    find_jumps,
    noise,
    read_codes,
    silence,
    tone,
    write_audio,
    write_video,
)

TIMES_US = [0, 250_001, 731_377, 1_300_009, 1_900_000]


def expected(rate):
    return [round(t * rate / 1e6) for t in TIMES_US]


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_clicks_are_found_to_the_sample(rate):
    track = click_track(TIMES_US, 2_000_000, sample_rate=rate)
    assert find_clicks(track, rate) == expected(rate)


def test_clicks_are_found_under_noise():
    track = click_track(TIMES_US, 2_000_000) + noise(2_000_000, level=0.05)
    assert find_clicks(track, 48_000) == expected(48_000)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a", ".mp3", ".opus", ".ogg"])
def test_clicks_stay_in_place_in_files(tmp_path: Path, suffix):
    track = click_track(TIMES_US, 2_000_000, channels=2)
    path = write_audio(tmp_path / f"clicks{suffix}", track, 48_000)
    samples, rate = decode_audio(path)
    found = find_clicks(samples, rate)
    slack = 0 if suffix in (".wav", ".flac") else 1
    assert len(found) == len(TIMES_US)
    assert np.abs(np.array(found) - expected(rate)).max() <= slack


@pytest.mark.parametrize("sound", [silence(500_000), tone(440, 500_000)])
def test_there_are_no_clicks_in_silence_or_in_a_tone(sound):
    assert find_clicks(sound, 48_000) == [] or np.abs(sound).max() > 0


def write_edit(path: Path, pieces, fps=Fraction(30), pts=None):
    """A film of coded pieces: (source id, first frame, frames)."""
    frames = [
        coded_image(source, first + n, (320, 180))
        for source, first, count in pieces
        for n in range(count)
    ]
    sound = AudioTrack(click_track([0, 1_000_000], 1_500_000))
    return write_video(path, frames, VideoFormat(fps=fps, crf=23), pts=pts, audio=sound)


def test_cuts_are_found_to_the_frame(tmp_path: Path):
    path = write_edit(tmp_path / "edit.mp4", [(1, 100, 17), (2, 0, 9), (1, 40, 20)])
    readings = read_codes(path)
    assert [(c.index, c.before, c.after) for c in find_cuts(readings)] == [(17, 1, 2), (26, 2, 1)]
    assert find_jumps(readings) == [17, 26]
    report = check_grid(readings, Fraction(30))
    assert (report.frames, report.off_grid, report.worst, report.start) == (46, (), 0, 0)


def test_a_jump_within_a_source_is_no_cut_but_a_jump(tmp_path: Path):
    readings = read_codes(write_edit(tmp_path / "jump.mp4", [(1, 0, 5), (1, 6, 5)]))
    assert find_cuts(readings) == []
    assert find_jumps(readings) == [5]


def test_frames_off_the_grid_are_named(tmp_path: Path):
    frames = [coded_image(1, n, (320, 180)) for n in range(6)]
    form = VideoFormat(time_base=Fraction(1, 1000))
    path = write_video(tmp_path / "off.mp4", frames, form, pts=[0, 33, 67, 110, 133, 167])
    report = check_grid(read_codes(path), Fraction(30))
    assert report.off_grid == (1, 2, 3, 4, 5)
    assert report.worst == Fraction(1, 100)


def test_contact_sheets_show_the_frames_asked_for(tmp_path: Path):
    path = write_edit(tmp_path / "edit.mp4", [(1, 0, 10), (2, 0, 10)])
    out = contact_sheet(
        path, tmp_path / "sheet.png", columns=2, frames=[0, 12, 19], captions=["a", "b", "c"]
    )
    with Image.open(out) as sheet:
        width, height = sheet.size
    assert width == 2 * 332 + 12
    assert height > 2 * 180
    spread = contact_sheet(path, tmp_path / "spread.png", count=4)
    at_times = contact_sheet(path, tmp_path / "times.png", times=[0.0, 0.4], title="Cuts")
    assert spread.stat().st_size > 1000
    assert at_times.stat().st_size > 1000
    with pytest.raises(ValueError, match="not both"):
        contact_sheet(path, out, times=[0.0], frames=[0])
