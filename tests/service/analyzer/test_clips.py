"""Clips and pictures from the queue to traits, filmstrip and proxy, over real servers."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from beatstitch_analyzer.clips import budget
from beatstitch_samples import (
    AudioTrack,
    VideoFormat,
    coded_variant,
    decode_frame_code,
    paint,
    read_codes,
    tone,
    write_clip,
    write_photo,
    write_video,
)

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (320, 180)
FPS = 30


def us(frame: int) -> int:
    return round(frame * 1_000_000 / FPS)


def pan(motif: str, count: int, speed: int) -> list[np.ndarray]:
    """A camera that moves over a painting."""
    wide = np.asarray(paint(motif, size=(640, 180)))
    return [np.ascontiguousarray(wide[:, k * speed : k * speed + 320]) for k in range(count)]


def still(motif: str, count: int) -> list[np.ndarray]:
    return pan(motif, 1, 0) * count


async def ingest(room, path: Path):
    return (await room.end_of(await room.media(path, path.name))).succeeded.media_ingest


async def test_cuts_black_and_frozen_stretches_are_where_they_were_made(room, tmp_path: Path):
    black = [np.zeros((180, 320, 3), np.uint8)] * 24
    scenes = [pan("silk", 41, 2), pan("city", 26, 3), black, pan("dunes", 30, 2)]
    frames = [*(frame for part in scenes for frame in part), *still("city", 36)]
    path = write_video(tmp_path / "scenes.mp4", frames, VideoFormat(fps=Fraction(FPS)))
    output = await ingest(room, path)
    traits = output.traits
    assert traits.schema_version == "1.0"
    assert list(traits.scene_cut_us) == [us(41), us(67), us(91), us(121)]
    assert [(r.start_us, r.end_us) for r in traits.black] == [(us(67), us(91))]
    assert [(r.start_us, r.end_us) for r in traits.frozen] == [
        (us(67), us(91)),
        (us(121), us(157)),
    ]
    assert traits.step_us == 100_000
    assert len(traits.motion) == len(traits.brightness) == 53
    assert max(traits.brightness[23:30]) <= 1
    assert min(traits.motion[2:12]) > max(traits.motion[42:])
    assert 0 < traits.sharpness < 1
    assert not output.proxy.key
    again = await ingest(room, path)
    assert again.result.cached
    assert (again.traits, again.filmstrip) == (traits, output.filmstrip)


async def test_what_moves_more_has_more_motion(room, tmp_path: Path):
    medians = []
    for speed in (0, 1, 4):
        path = tmp_path / f"{speed}.mp4"
        write_video(path, pan("city", 60, speed), VideoFormat(fps=Fraction(FPS)))
        medians.append(np.median(list((await ingest(room, path)).traits.motion)))
    assert medians[0] == 0
    assert medians[0] < medians[1] < medians[2]


@pytest.mark.parametrize("name", ["plain", "rotated_90", "vfr", "edit_list", "ts", "av1"])
async def test_the_filmstrip_shows_the_right_frames(room, tmp_path: Path, name: str):
    # So many that no middle of a tenth falls between two frames.
    changes = {"frames": 23} if name == "av1" else {}
    clip = coded_variant(tmp_path, name, source_id=7, **changes)
    output = await ingest(room, clip.path)
    strip = Image.open(io.BytesIO(await room.storage.get(output.filmstrip.key)))
    count = output.filmstrip_frames
    assert (strip.format, count) == ("JPEG", 10)
    assert strip.width == 160 * count
    step = Fraction(output.info.duration_us, count)
    codes = []
    for index in range(count):
        frame = strip.crop((160 * index, 0, 160 * (index + 1), strip.height))
        codes.append(decode_frame_code(np.asarray(frame.resize(clip.size))))
    middles = [(index + Fraction(1, 2)) * step / 1_000_000 for index in range(count)]
    shown = [max(k for k, time in enumerate(clip.times) if time <= middle) for middle in middles]
    assert codes == [(7, clip.frames[k]) for k in shown]
    poster = Image.open(io.BytesIO(await room.storage.get(output.thumbnail.key)))
    assert max(poster.size) == min(480, max(clip.size))
    at = Fraction(min(output.info.duration_us // 10, 1_000_000), 1_000_000)
    first = max(k for k, time in enumerate(clip.times) if time <= at)
    assert decode_frame_code(np.asarray(poster)) == (7, clip.frames[first])


async def test_loudness_of_a_clips_sound(room, tmp_path: Path):
    levels = []
    for level in (0.5, 0.05):
        sound = AudioTrack(tone(1000, 4_000_000, level=level))
        path = write_video(tmp_path / f"{level}.mp4", still("silk", 120), audio=sound)
        levels.append((await ingest(room, path)).traits.loudness_lufs)
    assert levels[0] - levels[1] == pytest.approx(20, abs=0.3)
    assert -40 < levels[0] < 0
    silent = write_clip(tmp_path / "silent.mp4", "waves", size=SIZE, count=30)
    assert (await ingest(room, silent)).traits.loudness_lufs == 0


@pytest.mark.parametrize("name", ["long_gop", "uhd"])
async def test_clips_that_are_slow_to_read_get_a_proxy(room, tmp_path: Path, name: str):
    clip = coded_variant(tmp_path, name, source_id=9)
    output = await ingest(room, clip.path)
    path = tmp_path / "proxy.mp4"
    await room.storage.fetch(output.proxy, path)
    codes = [reading.code for reading in read_codes(path)]
    assert codes == [(9, number) for number in clip.frames]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (640, 360)
        assert not container.streams.audio
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = sorted(Fraction(packet.pts) * packet.time_base for packet in packets)
        keys = [float(p.pts * p.time_base) for p in packets if p.is_keyframe]
    assert times == list(clip.times)
    assert keys == list(range(len(keys)))


async def test_a_gif_that_is_transparent_late_has_no_proxy(room, tmp_path: Path):
    size = (1400, 800)
    frames = [Image.new("RGBA", size, (10 * k, 90, 200, 255)) for k in range(20)]
    frames.append(Image.new("RGBA", size, (0, 0, 0, 0)))
    path = tmp_path / "late.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200, disposal=2)
    output = await ingest(room, path)
    assert not output.info.has_alpha
    assert output.filmstrip_frames == 10
    assert not output.proxy.key


async def test_a_picture_is_looked_at(room, tmp_path: Path):
    sharp = await ingest(room, write_photo(tmp_path / "sharp.jpg", "city", size=(640, 480)))
    image = Image.open(tmp_path / "sharp.jpg").resize((40, 30)).resize((640, 480))
    image.point(lambda value: value // 2).save(tmp_path / "soft.jpg")
    soft = await ingest(room, tmp_path / "soft.jpg")
    assert sharp.traits.sharpness > soft.traits.sharpness + 0.1
    assert len(sharp.traits.brightness) == 1
    assert soft.traits.brightness[0] < 0.6 * sharp.traits.brightness[0]
    assert not sharp.traits.motion
    assert 0 < sharp.traits.focus_x < 65_536
    assert not sharp.filmstrip.key
    assert not sharp.proxy.key


async def test_a_long_clip_is_glanced_at(room, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(budget, "DENSE_FRAMES", 100)
    frames = [*pan("silk", 90, 2), *(np.zeros((180, 320, 3), np.uint8) for _ in range(90))]
    path = write_video(tmp_path / "long.mp4", frames, VideoFormat(fps=Fraction(FPS), gop=30))
    output = await ingest(room, path)
    traits = output.traits
    assert len(traits.brightness) == len(traits.motion) == budget.SPARSE_STEPS
    assert min(traits.brightness[:60]) > 20 > max(traits.brightness[60:])
    assert min(traits.motion[:60]) > max(traits.motion[60:])
    assert not traits.scene_cut_us
    strip = Image.open(io.BytesIO(await room.storage.get(output.filmstrip.key)))
    assert (output.filmstrip_frames, strip.width) == (10, 1600)


async def test_a_machine_that_is_too_slow_glances(room, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("beatstitch_analyzer.clips.look._CHILD_SHARE", 0.0)
    clip = coded_variant(tmp_path, "long_gop", source_id=9)
    output = await ingest(room, clip.path)
    assert len(output.traits.brightness) == budget.SPARSE_STEPS
    assert output.filmstrip_frames == 10
    assert not output.proxy.key


async def test_a_look_that_fails_leaves_a_clip_that_can_be_used(
    open_room, tmp_path: Path, monkeypatch
):
    room = await open_room()
    path = write_clip(tmp_path / "clip.mp4", "waves", size=SIZE, count=30)
    monkeypatch.setattr("beatstitch_analyzer.clips.look._MEMORY_BYTES", 30_000_000)
    output = await ingest(room, path)
    assert output.info.duration_us == 1_000_000
    assert output.thumbnail.key
    assert not output.HasField("traits")
    monkeypatch.undo()
    again = await ingest(room, path)
    assert not again.result.cached
    assert again.HasField("traits")
