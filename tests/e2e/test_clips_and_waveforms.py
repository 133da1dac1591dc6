"""What clips are like and what songs look like, through the gateway."""

from __future__ import annotations

import io
import json
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_samples import (
    VideoFormat,
    coded_image,
    coded_variant,
    compose,
    decode_frame_code,
    read_codes,
    write_photo,
    write_video,
)

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch_client import Client


@pytest.fixture(scope="module")
def project(client: Client) -> str:
    return client.create_project("clips and waveforms").id


@pytest.fixture(scope="module")
def song(client: Client, project: str, media_dir: Path) -> str:
    """Id of an analysed song of eight bars."""
    upload = client.upload(project, compose(bars=8, bpm=120.0).write(media_dir / "shape.mp3"))
    client.wait_job(upload.job.id)
    return upload.asset.id


def ready(client: Client, project: str, path: Path):
    upload = client.upload(project, path)
    client.wait_job(upload.job.id)
    return client.get_asset(upload.asset.id)


def test_a_song_as_files_of_the_trade(client: Client, song: str, tmp_path: Path):
    dat = client.export_waveform(song, tmp_path / "song.dat").read_bytes()
    document = json.loads(client.export_waveform(song, tmp_path / "song.json").read_bytes())
    version, flags, rate, scale, length, channels = struct.unpack_from("<iIiiIi", dat)
    assert (version, flags, scale, channels) == (2, 1, 256, 1)
    assert np.frombuffer(dat, np.int8, offset=24).tolist() == document["data"]
    assert (document["length"], document["sample_rate"]) == (length, rate)
    duration_us = client.get_asset(song).info.duration_us
    assert abs(length * scale / rate * 1e6 - duration_us) < 50_000
    path = client.export_waveform(song, tmp_path / "coarse.dat", samples_per_bin=4096)
    assert len(path.read_bytes()) == 24 + 2 * -(-length // 16)
    with Image.open(client.export_waveform(song, tmp_path / "song.png", width=900)) as picture:
        assert (picture.format, picture.width) == ("PNG", 900)
    with pytest.raises(BeatStitchError, match="samples_per_bin"):
        client.export_waveform(song, tmp_path / "no.dat", samples_per_bin=100)
    assert not (tmp_path / "no.dat").exists()
    with pytest.raises(ValueError, match=r"no\.txt"):
        client.export_waveform(song, tmp_path / "no.txt")


def test_a_stretch_comes_with_its_beats_bars_and_sections(client: Client, song: str):
    grid = client.get_beat_grid(song)
    start_us, end_us = grid.beats[8].time_us + 1, grid.beats[16].time_us
    found = client.get_waveform(song, start_us=start_us, end_us=end_us, buckets=200)
    assert len(found.waveform.max) == 200
    assert list(found.beats) == list(grid.beats[9:16])
    assert list(found.bars) == [
        bar for bar in grid.bars if bar.start_us < end_us and bar.end_us > start_us
    ]
    assert found.bars
    assert found.sections


def test_a_clip_tells_its_cuts_and_shows_its_frames(client: Client, project, tmp_path: Path):
    scenes = [(1, 30), (2, 45), (3, 30)]
    colours = {1: (255, 80, 80), 2: (60, 160, 255), 3: (90, 255, 90)}

    def frames():
        for number, count in scenes:
            tint = np.array(colours[number]) / 255
            for index in range(count):
                code = coded_image(number, index, (640, 360))
                border = (np.indices(code.shape[:2]).sum(axis=0) + 4 * index) % 64 < 32
                yield np.where(border[..., None], code, (code * tint).astype(np.uint8))

    path = write_video(tmp_path / "cuts.mp4", frames(), VideoFormat(fps=Fraction(30)))
    asset = ready(client, project, path)
    assert list(asset.traits.scene_cut_us) == [1_000_000, 2_500_000]
    assert asset.has_filmstrip
    assert len(asset.traits.motion) == len(asset.traits.brightness) == 35
    clip = coded_variant(tmp_path, "plain", source_id=71)
    asset = ready(client, project, clip.path)
    assert not asset.traits.scene_cut_us
    reply = client.get_filmstrip(asset.id)
    assert (reply.content_type, reply.frame_count, reply.step_us) == ("image/jpeg", 10, 200_000)
    strip = Image.open(io.BytesIO(reply.image))
    codes = [
        decode_frame_code(
            np.asarray(strip.crop((160 * k, 0, 160 * (k + 1), strip.height)).resize(clip.size))
        )
        for k in range(10)
    ]
    assert codes == [(71, 6 * k + 3) for k in range(10)]


def test_a_picture_has_traits_and_no_filmstrip(client: Client, project: str, tmp_path: Path):
    asset = ready(client, project, write_photo(tmp_path / "city.jpg", "city", size=(640, 480)))
    assert asset.traits.sharpness > 0
    assert len(asset.traits.brightness) == 1
    assert not asset.has_filmstrip
    with pytest.raises(BeatStitchError, match="filmstrip"):
        client.get_filmstrip(asset.id)


def test_clips_with_proxies_are_cut_as_exactly_as_before(client: Client, media_dir, tmp_path):
    project = client.create_project("proxies").id
    client.upload(project, compose(bars=3, bpm=120.0).write(media_dir / "proxy.mp3"))
    ids = {}
    for number, name in ((81, "long_gop"), (82, "uhd")):
        clip = coded_variant(media_dir, name, source_id=number)
        ids[client.upload(project, clip.path).asset.id] = number
    settings = TimelineSettings(
        beats_per_cut=2, output=OutputFormat(width=480, height=270), fit=edl_pb2.FIT_CONTAIN,
        image_motion=timeline_pb2.IMAGE_MOTION_STILL,
    )  # fmt: skip
    job = client.wait_job(client.stitch(project, settings).id)
    edl = client.get_timeline(project).edl
    readings = read_codes(client.download(job.stitch.render.render_id, tmp_path / "out.mp4"))
    for segment in edl.segments:
        for frame in range(segment.timeline_in_frame, segment.timeline_out_frame):
            code = readings[frame].code
            assert code is not None
            assert code[0] == ids[segment.media_asset_id]
