"""A person corrects the beats: cuts follow, analyses don't undo it, a film shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from beatstitch.v1 import beat_grid_pb2, failure_pb2
from beatstitch.v1.beat_grid_edit_pb2 import (
    BeatGridEdit,
    HintTempo,
    LockRegion,
    ScaleTempo,
    SetDownbeat,
)
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_core.timebase import frame_at
from beatstitch_samples import compose, write_photo
from beatstitch_samples.measure import decode_frames
from beatstitch_stack import System

DOUBLE = BeatGridEdit(scale_tempo=ScaleTempo(num=2, den=1))
HALVE = BeatGridEdit(scale_tempo=ScaleTempo(num=1, den=2))


@pytest.fixture
def song(client: Client, media_dir: Path, tmp_path: Path) -> tuple[str, str]:
    """Ids of a project and of its analysed song."""
    project = client.create_project("corrections")
    path = media_dir / "corrections.flac"
    if not path.exists():
        compose(bpm=110, bars=8, lead_in_s=0.4).write(path)
    picture = client.upload(project.id, write_photo(tmp_path / "a.jpg", "aurora", size=(640, 360)))
    upload = client.upload(project.id, path)
    for job in (upload.job, picture.job):
        client.wait_job(job.id, timeout_s=120)
    return project.id, upload.asset.id


def times_of(grid) -> list[int]:
    return [beat.time_us for beat in grid.beats]


def timeline(client: Client, project_id: str):
    job = client.generate_timeline(project_id, TimelineSettings(beats_per_cut=1))
    client.wait_job(job.id, timeout_s=60)
    return client.get_timeline(project_id)


def refused(reason: int, work) -> BeatStitchError:
    with pytest.raises(BeatStitchError) as caught:
        work()
    assert caught.value.reason == reason
    return caught.value


def test_cuts_follow_the_corrected_beats(client: Client, song):
    project, asset = song
    heard = client.get_corrections(asset)
    before = timeline(client, project)
    request_id = new_id()
    edited = client.edit_beat_grid(asset, [DOUBLE], request_id=request_id)
    assert len(edited.beat_grid.beats) == 2 * len(heard.beat_grid.beats) - 1
    assert client.edit_beat_grid(asset, [DOUBLE], request_id=request_id) == edited

    current = client.get_corrections(asset)
    assert current.beat_grid == edited.beat_grid
    assert current.beat_grid_sha256 == edited.beat_grid_sha256 != heard.beat_grid_sha256
    assert list(current.overlay.edits) == [DOUBLE]
    shape = client.get_waveform(asset)
    assert list(shape.beats) == list(edited.beat_grid.beats)
    assert list(shape.bars) == list(edited.beat_grid.bars)

    after = timeline(client, project)
    assert after.edl_hash != before.edl_hash
    cuts = {segment.cut.beat_time_us for segment in after.edl.segments[1:]}
    new_beats = set(times_of(edited.beat_grid)) - set(times_of(heard.beat_grid))
    assert len(cuts & new_beats) > 20
    assert cuts <= set(times_of(edited.beat_grid))

    back = client.edit_beat_grid(asset, replace=True)
    assert back.beat_grid_sha256 == heard.beat_grid_sha256
    assert timeline(client, project).edl_hash == before.edl_hash


def test_corrections_outlive_another_analysis(client: Client, song):
    _, asset = song
    heard = client.get_beat_grid(asset)
    middle = heard.beats[10].time_us
    edits = [
        BeatGridEdit(lock_region=LockRegion(start_us=middle, end_us=middle + 3_000_000)),
        BeatGridEdit(set_downbeat=SetDownbeat(time_us=heard.beats[1].time_us)),
        DOUBLE,
    ]
    edited = client.edit_beat_grid(asset, edits)
    kept = list(edited.overlay.edits[0].lock_region.beat_time_us)
    assert len(kept) >= 4
    job = client.wait_job(client.analyze_audio(asset).id, timeout_s=120)
    after = client.get_corrections(asset)
    assert after.beat_grid == edited.beat_grid
    assert after.overlay == edited.overlay
    assert job.beat_analysis.beat_count == len(edited.beat_grid.beats)
    assert after.beat_grid.metre_source == beat_grid_pb2.METRE_SOURCE_GIVEN
    inside = [t for t in times_of(after.beat_grid) if middle <= t < middle + 3_000_000]
    assert inside == kept


def test_wrong_and_late_corrections_change_nothing(client: Client, song):
    _, asset = song
    heard = client.get_corrections(asset)
    client.edit_beat_grid(asset, [DOUBLE], beat_grid_sha256=heard.beat_grid_sha256)
    now = client.get_corrections(asset)
    refused(
        failure_pb2.ERROR_REASON_ETAG_MISMATCH,
        lambda: client.edit_beat_grid(asset, [HALVE], beat_grid_sha256=heard.beat_grid_sha256),
    )
    far = BeatGridEdit(set_downbeat=SetDownbeat(time_us=10**12))
    error = refused(
        failure_pb2.ERROR_REASON_EDIT_INVALID,
        lambda: client.edit_beat_grid(asset, [HALVE, far]),
    )
    assert error.metadata["edit"] == "1"
    assert error.violations[0].field == "edits[1].set_downbeat.time_us"
    assert client.get_corrections(asset) == now


def test_a_hint_finds_another_tempo(client: Client, song):
    _, asset = song
    edited = client.edit_beat_grid(asset, [BeatGridEdit(hint_tempo=HintTempo(bpm=55))])
    assert 54 < edited.beat_grid.bpm < 56


def test_a_film_shows_the_beats(client: Client, song, tmp_path: Path):
    _, asset = song
    grid = client.edit_beat_grid(asset, [HALVE]).beat_grid
    film = client.beat_proof(asset, tmp_path / "proof.mp4")
    levels = [int(rgb.mean()) for _, _, rgb in decode_frames(film)]
    rate = Rational(num=30, den=1)
    expected = [0] * frame_at(grid.duration_us, rate)
    for beat in grid.beats:
        first = frame_at(beat.time_us, rate)
        expected[first : first + 2] = [255 if beat.is_downbeat else 128] * 2
    expected = expected[: len(levels)]
    assert max(abs(a - b) for a, b in zip(levels, expected, strict=True)) < 16


def test_the_command_corrects_and_films(system: System, song, media_dir: Path, tmp_path: Path):
    command = Path(sys.executable).parent / "beatstitch"
    arguments = ["analyze", media_dir / "corrections.flac", "--bpm", "55", "--double"]
    places = ["-o", tmp_path / "grid.json", "--proof", tmp_path / "proof.mp4"]
    access = {"BEATSTITCH_SERVER": system.gateway_address, "BEATSTITCH_API_KEY": system.api_key}
    done = subprocess.run(
        [command, *arguments, *places],
        env={**os.environ, **access},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    grid = json.loads((tmp_path / "grid.json").read_text())
    assert 109 < grid["bpm"] < 111
    assert "overlay_sha256" in grid
    assert sum(1 for _ in decode_frames(tmp_path / "proof.mp4")) > 300
