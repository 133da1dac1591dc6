"""Frame-coded sources in, every frame read back: each is the right one."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import samples_at
from beatstitch_renderer.joining import join
from beatstitch_renderer.measuring import measure
from beatstitch_renderer.piece import read_header
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_samples.coded import coded_image, measure_mix
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.measure import check_grid, decode_frames, read_codes

if TYPE_CHECKING:
    from pathlib import Path

SMALL = (320, 180)
SHORT = PieceSizes(min_frames=20, max_frames=50, long_frames=100)
RATES = [
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]


def song(path: Path, duration_us: int) -> Path:
    """Silence of an exact length as the sound of a video."""
    left = samples_at(duration_us, 48_000)
    options = {"fflags": "+bitexact", "movie_timescale": "48000"}
    with av.open(str(path), "w", format="mp4", container_options=options) as file:
        stream = file.add_stream("aac", rate=48_000, layout="stereo")
        at = 0
        while left:
            count = min(1024, left)
            block = av.AudioFrame.from_ndarray(np.zeros((2, count), np.float32), "fltp", "stereo")
            block.sample_rate, block.pts, block.time_base = 48_000, at, Fraction(1, 48_000)
            file.mux(stream.encode(block))
            at, left = at + count, left - count
        file.mux(stream.encode(None))
    return path


def still(folder: Path, source_id: int) -> Path:
    path = folder / f"still-{source_id}.png"
    Image.fromarray(coded_image(source_id, 0, (400, 300))).save(path)
    return path


@pytest.fixture
def joined(studio, tmp_path):
    """Renders shots and joins them; gives plan, pieces and the video."""

    def make(shots, rate, sizes=SHORT):
        edl = studio.edl(shots, rate)
        plan, pieces = studio.render(shots, edl, sizes)
        sound = song(tmp_path / "song.m4a", edl.audio.duration_us)
        join(plan, pieces, sound, tmp_path / "video.mp4")
        return edl, plan, pieces, tmp_path / "video.mp4"

    return make


def numbers(video: Path) -> list[int | None]:
    return [reading.code[1] if reading.code else None for reading in read_codes(video)]


def us(frame: int, rate: Fraction) -> int:
    return round(frame / rate * 1_000_000)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_every_frame_shows_the_source_frame_it_should(studio, joined, tmp_path, rate):
    clips = [
        coded_clip(tmp_path / f"c{i}.mp4", source_id=i, fps=rate, frames=80, gop=25, size=SMALL)
        for i in (1, 2)
    ]
    shots, wanted = [], []
    for i in range(8):
        if i % 3 == 2:
            shots.append(studio.Shot(still(tmp_path, 10 + i), 17 + i))
            wanted += [(10 + i, 0)] * (17 + i)
        else:
            clip, first = clips[i % 2], 3 * i
            shots.append(studio.Shot(clip.path, 17 + i, us(first, rate), us(80, rate)))
            wanted += [(clip.source_id, first + f) for f in range(17 + i)]
    edl, plan, pieces, video = joined(shots, rate)
    assert len(plan.chunks) > 2
    readings = read_codes(video)
    assert [reading.code for reading in readings] == wanted
    grid = check_grid(readings, rate)
    assert grid.frames == len(wanted)
    assert not grid.off_grid
    cuts = [segment.timeline_in_frame for segment in edl.segments[1:]]
    composed = [mark for piece in pieces for mark in read_header(piece).signatures]
    found = measure(video, rate, composed, cuts)
    assert found.cuts == cuts
    assert (found.counted_frames, found.off_grid_frames) == (len(wanted), 0)
    assert (found.wrong_pictures, found.cuts_without_key) == (0, 0)
    assert found.audio_samples == samples_at(edl.audio.duration_us, 48_000)
    assert found.audio_start_samples == 0


@pytest.mark.parametrize(("source", "target"), [(24, 30), (60, 30), (25, 60), (30, 24)])
def test_other_rates_show_the_frame_on_the_screen_at_that_time(
    studio, joined, tmp_path, source, target
):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, fps=Fraction(source), frames=90, size=SMALL)
    rate = Fraction(target)
    *_, video = joined([studio.Shot(clip.path, 40, 0, us(90, Fraction(source)))], rate)
    shown = numbers(video)
    assert shown == [f * source // target for f in range(40)]


def test_a_crossfade_runs_over_its_frames_and_over_a_border(studio, joined, tmp_path):
    one, two = (
        coded_clip(tmp_path / f"c{i}.mp4", source_id=i, frames=90, size=SMALL) for i in (1, 2)
    )
    rate = Fraction(30)
    shots = [
        studio.Shot(one.path, 40, 0, 3_000_000),
        studio.Shot(two.path, 40, us(20, rate), 3_000_000, fade=9),
    ]
    _, plan, _, video = joined(shots, rate)
    assert [chunk.end_frame for chunk in plan.chunks] == [40, 80]
    frames = [rgb for _, _, rgb in decode_frames(video)]
    for f in range(31, 40):
        mix = measure_mix(frames[f], (1, f), (2, 20 + f - 40))
        assert mix == pytest.approx((f - 30) / 10, abs=0.04)
    assert measure_mix(frames[30], (1, 30), (2, 10)) == pytest.approx(0, abs=0.04)
    assert measure_mix(frames[40], (1, 39), (2, 20)) == pytest.approx(1, abs=0.04)


def test_a_clip_fades_into_itself(studio, joined, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=90, size=SMALL)
    rate = Fraction(30)
    shots = [
        studio.Shot(clip.path, 30, us(40, rate), 3_000_000),
        studio.Shot(clip.path, 30, us(10, rate), 3_000_000, fade=5),
    ]
    *_, video = joined(shots, rate, PieceSizes(100, 200, 300))
    codes = numbers(video)
    assert codes[:25] == list(range(40, 65))
    assert codes[30:] == list(range(10, 40))


@pytest.mark.parametrize("fill", [edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD])
def test_a_short_clip_loops_or_holds(studio, joined, tmp_path, fill):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=SMALL)
    rate = Fraction(30)
    shots = [studio.Shot(clip.path, 60, us(5, rate), us(25, rate), fill=fill)]
    *_, video = joined(shots, rate)
    loops = fill == edl_pb2.FILL_POLICY_LOOP
    wanted = [5 + (f % 20 if loops else min(f, 19)) for f in range(60)]
    assert numbers(video) == wanted


def test_a_long_shot_is_one_picture_after_another_over_its_borders(studio, joined, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=250, gop=90, size=SMALL)
    rate = Fraction(30)
    _, plan, _, video = joined([studio.Shot(clip.path, 240, 0, us(250, rate))], rate)
    assert len(plan.chunks) == 4
    assert numbers(video) == list(range(240))


def test_the_same_render_twice_has_the_same_bytes(studio, joined, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=60, size=SMALL)
    rate = Fraction(30)
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=65_536, h=49_152))
    move.to.CopyFrom(edl_pb2.UnitRect(x=9_000, y=9_000, w=50_000, h=37_500))
    shots = [
        studio.Shot(clip.path, 30, 0, 2_000_000),
        studio.Shot(still(tmp_path, 7), 40, fade=6, move=move),
    ]
    *_, pieces, video = joined(shots, rate)
    before = [piece.read_bytes() for piece in pieces], video.read_bytes()
    *_, pieces, video = joined(shots, rate)
    assert ([piece.read_bytes() for piece in pieces], video.read_bytes()) == before


def test_the_measurement_sees_what_is_wrong(studio, joined, tmp_path):
    """A piece that begins a frame late, a lost frame, a wrong picture: each is found."""
    rate = Fraction(30)
    shots = [studio.Shot(still(tmp_path, i), 20) for i in range(1, 5)]
    *_, pieces, video = joined(shots, rate)
    composed = [mark for piece in pieces for mark in read_header(piece).signatures]
    late = [composed[0], *composed[:-1]]
    early = [*composed[1:], composed[-1]]
    assert measure(video, rate, composed, [20, 40, 60]).cuts == [20, 40, 60]
    assert measure(video, rate, late, [21, 41, 61]).cuts == [20, 40, 60]
    assert measure(video, rate, early, [19, 39, 59]).cuts == [20, 40, 60]
    dark = [bytes(64)] * 5 + composed[5:]
    assert measure(video, rate, dark, []).wrong_pictures == 5
