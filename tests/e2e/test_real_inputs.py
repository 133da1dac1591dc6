"""What people really have: phones, cameras, screenshots, downloads. Each ends up in a video."""

from fractions import Fraction
from pathlib import Path

import pytest

from beatstitch.v1 import common_pb2, edl_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import compose, read_codes, write_odd_files
from beatstitch_samples.coded_clips import coded_variant

STILL = TimelineSettings(
    beats_per_cut=1,
    output=OutputFormat(width=480, height=270),
    image_motion=timeline_pb2.IMAGE_MOTION_STILL,
    fit=edl_pb2.FIT_CONTAIN,
)
PICTURES = [
    *(f"exif_{n}" for n in range(1, 9)),
    "alpha_png",
    "deep_png",
    "grey_png",
    "palette_png",
    "cmyk_jpeg",
]
CLIPS = [
    "rotated_90", "rotated_270", "portrait", "vfr", "uhd", "hevc_10bit", "h264_10bit", "odd_size",
    "mov", "mkv", "webm", "avi", "ts", "long_gop", "open_gop", "edit_list", "fps_23_976", "fps_60",
    "one_frame",
]  # fmt: skip


@pytest.fixture(scope="module")
def odd_files(media_dir: Path) -> dict[str, Path]:
    return write_odd_files(media_dir / "real", url="http://127.0.0.1:9/", local_path="/nowhere")


@pytest.mark.slow
def test_every_kind_of_picture_and_clip_is_seen_upright(
    client: Client, odd_files, media_dir, tmp_path
):
    project = client.create_project("real inputs")
    client.upload(project.id, compose(bars=13, bpm=150.0).write(media_dir / "real.mp3"))
    ids: dict[str, int] = {}
    for name in [*PICTURES, "gif"]:
        source = 910 + int(name[5:]) if name.startswith("exif") else None
        asset = client.upload(project.id, odd_files[name]).asset
        ids[asset.id] = source or ODD_SOURCES[name]
    for number, name in enumerate(CLIPS):
        clip = coded_variant(media_dir, name, source_id=500 + number)
        ids[client.upload(project.id, clip.path).asset.id] = 500 + number
    job = client.wait_job(client.stitch(project.id, STILL).id)
    edl = client.get_timeline(project.id).edl
    video = client.download(job.stitch.render.render_id, tmp_path / "out.mp4")
    readings = read_codes(video)
    assert len(readings) == edl.segments[-1].timeline_out_frame
    seen = set()
    for segment in edl.segments:
        for frame in range(segment.timeline_in_frame, segment.timeline_out_frame):
            code = readings[frame].code
            # The reader knows only upright codes: reading it is the proof of the right turn.
            assert code is not None, (frame, segment.media_asset_id, ids[segment.media_asset_id])
            assert code[0] == ids[segment.media_asset_id]
        seen.add(ids[segment.media_asset_id])
    assert seen == set(ids.values())


ODD_SOURCES = {
    "alpha_png": 920, "deep_png": 921, "grey_png": 922, "palette_png": 923, "cmyk_jpeg": 924,
    "gif": 925,
}  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [
        (".mp3", 22_050, 1),
        (".m4a", 44_100, 2),
        (".flac", 48_000, 2),
        (".opus", 48_000, 2),
        (".ogg", 44_100, 2),
    ],
)
def test_every_kind_of_song_is_heard(
    client: Client, odd_files, media_dir, tmp_path, suffix, rate, channels
):
    song = compose(bars=4, bpm=120.0)
    path = song.write(media_dir / f"song-{rate}{suffix}", channels=channels, sample_rate=rate)
    project = client.create_project(f"a song as {suffix}")
    asset = client.upload(project.id, path).asset
    client.upload(project.id, odd_files["exif_1"])
    job = client.wait_job(client.stitch(project.id, STILL).id)
    grid = client.get_beat_grid(asset.id)
    assert 117 < grid.bpm < 123
    info = client.get_asset(asset.id).info
    assert info.media_type == common_pb2.MEDIA_TYPE_AUDIO
    assert abs(info.duration_us - song.duration_us) < 100_000
    render = client.get_render(job.stitch.render.render_id)
    assert render.sync_report.audio_samples == render.sync_report.expected_audio_samples
    expected = Fraction(info.duration_us, 1_000_000) * 30
    assert abs(render.manifest.frame_count - expected) <= 1
