"""The proof of the promise: on finished files, every frame and every cut is where it has to be."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.proof import assert_every_frame_is_right, click_errors_ms, rendered

from beatstitch.v1 import common_pb2, timeline_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import click_track, coded_clip, compose, write_audio

RATES = [
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]
SONGS = {
    "steady": {"bpm": 128.0, "bars": 53, "lead_in_s": 0.73},
    "drifting": {
        "bars": 53,
        "lead_in_s": 1.31,
        "tempo_map": [(0, 112.0), (106, 138.0), (212, 118.0)],
    },
}


@dataclass
class Prepared:
    project_id: str
    song_id: str


@pytest.fixture(scope="module")
def songs(client: Client, media_dir: Path) -> dict[str, Prepared]:
    prepared = {}
    for name, settings in SONGS.items():
        project = client.create_project(f"exact cuts, {name}")
        path = compose(**settings).write(media_dir / f"{name}.flac")
        prepared[name] = Prepared(project.id, client.upload(project.id, path).asset.id)
    for each in prepared.values():
        client.wait_job(client.get_asset(each.song_id).ingest_job_id)
    return prepared


@pytest.fixture(scope="module")
def clips(client: Client, songs: dict[str, Prepared], media_dir: Path) -> dict:
    """Three clips of each frame rate in each song's project: asset id → (source id, rate)."""
    made: dict[tuple[str, Fraction], dict[str, tuple[int, Fraction]]] = {}
    jobs: list[str] = []
    for place, fps in enumerate(RATES):
        for number in range(3):
            source = 100 + 10 * place + number
            path = media_dir / f"coded-{source}.mp4"
            frames = round(fps * (3 + number))
            coded_clip(path, source_id=source, fps=fps, frames=frames, size=(320, 180), gop=48)
            for name, song in songs.items():
                upload = client.upload(song.project_id, path)
                made.setdefault((name, fps), {})[upload.asset.id] = (source, fps)
                jobs.append(upload.job.id)
    for job in jobs:
        client.wait_job(job)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("song", SONGS)
def test_200_cuts_are_exact_to_the_frame(client, songs, clips, tmp_path, song, fps):
    assets = clips[song, fps]
    project = songs[song].project_id
    job = client.generate_timeline(
        project,
        TimelineSettings(
            beats_per_cut=1,
            output=OutputFormat(
                width=320,
                height=180,
                frame_rate=Rational(num=fps.numerator, den=fps.denominator),
            ),
            image_motion=timeline_pb2.IMAGE_MOTION_STILL,
        ),
        media_asset_ids=list(assets),
    )
    client.wait_job(job.id)
    timeline = client.get_timeline(project)
    render = rendered(client, project, timeline.edl_hash)
    video = client.download(render.id, tmp_path / "out.mp4")

    sources = {asset: source for asset, (source, _) in assets.items()}
    rates = {asset: rate for asset, (_, rate) in assets.items()}
    cuts = assert_every_frame_is_right(video, timeline.edl, sources, rates)
    assert cuts >= 200
    assert timeline.edl.segments[1].timeline_in_frame > 0
    report = render.sync_report
    assert report.worst_cut_error_frames == 0
    assert report.off_grid_frames == 0
    assert len(report.cuts) == cuts
    assert report.counted_frames == report.expected_frames
    assert report.audio_samples == report.expected_audio_samples


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_clicks_and_cuts_are_together_at_start_and_end(client, media_dir, tmp_path, suffix):
    """A click track at 120 BPM and 30 fps: each beat is exactly a frame."""
    beats_us = [700_000 + n * 500_000 for n in range(60)]
    song = write_audio(media_dir / f"clicks{suffix}", click_track(beats_us, 31_000_000), 48_000)
    project = client.create_project(f"clicks {suffix}")
    media = {}
    for source in (1, 2):
        path = media_dir / f"click-source-{source}.mp4"
        coded_clip(path, source_id=source, frames=60, size=(320, 180))
        media[client.upload(project.id, path).asset.id] = source
    song_asset = client.upload(project.id, song).asset
    job = client.stitch(
        project.id,
        TimelineSettings(beats_per_cut=2, output=OutputFormat(width=320, height=180)),
    )
    job = client.wait_job(job.id)
    timeline = client.get_timeline(project.id)
    video = client.download(job.stitch.render.render_id, tmp_path / "out.mp4")
    assert_every_frame_is_right(video, timeline.edl, media, dict.fromkeys(media, Fraction(30)))

    errors = click_errors_ms(video, beats_us)
    assert np.abs(errors[:3]).max() < 5
    assert np.abs(errors[-3:]).max() < 5
    # Each cut is at a click: the nearest frame, plus what the tracker is off.
    truth = np.array(beats_us)
    for segment in timeline.edl.segments[1:]:
        shown_us = segment.timeline_in_frame * 1_000_000 / 30
        assert np.abs(truth - shown_us).min() <= 16_667 + 5_000
    assert client.get_asset(song_asset.id).info.media_type == common_pb2.MEDIA_TYPE_AUDIO
