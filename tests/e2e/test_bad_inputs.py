"""Bad input gets a typed error that names the asset and the reason; other jobs are unharmed."""

import socket
import threading
from pathlib import Path

import pytest

from beatstitch.v1 import asset_pb2, common_pb2, failure_pb2, job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client, JobFailedError
from beatstitch_core.errors import BeatStitchError
from beatstitch_samples import coded_clip, compose, write_odd_files

SMALL = TimelineSettings(beats_per_cut=2, output=OutputFormat(width=320, height=180))
CORRUPT = {"INPUT_CORRUPT", "INPUT_UNSUPPORTED"}
BAD_MEDIA = {
    "bad_truncated_mp4": CORRUPT,
    "bad_truncated_jpg": CORRUPT,
    "bad_text": CORRUPT,
    "bad_random": CORRUPT,
    "bad_hls_url": CORRUPT,
    "bad_hls_file": CORRUPT,
    "bad_concat_url": CORRUPT,
    "bad_concat_file": CORRUPT,
    "bad_dash_url": CORRUPT,
    "bad_svg_url": CORRUPT,
    "bad_svg_file": CORRUPT,
    "bad_png_bomb": {"INPUT_TOO_LARGE"},
    "bad_gif_bomb": {"INPUT_TOO_LARGE"},
    "sound_only_mp4": CORRUPT,
}


class Listener:
    """A port that hostile files want to be fetched from; counts who comes."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@pytest.fixture(scope="module")
def listener():
    made = Listener()
    yield made
    made.socket.close()


@pytest.fixture(scope="module")
def odd_files(media_dir: Path, listener: Listener) -> dict[str, Path]:
    secret = media_dir / "secret.txt"
    secret.write_text("the secret")
    url = f"http://127.0.0.1:{listener.port}/secret.ts"
    return write_odd_files(media_dir / "odd", url=url, local_path=str(secret))


@pytest.fixture(scope="module")
def project(client: Client):
    return client.create_project("bad inputs")


@pytest.mark.parametrize("name", BAD_MEDIA)
def test_bad_media_is_refused_by_name_and_reason(client, project, odd_files, listener, name):
    kind = (
        common_pb2.MEDIA_TYPE_IMAGE
        if odd_files[name].suffix in {".png", ".jpg"}
        else common_pb2.MEDIA_TYPE_VIDEO
    )
    asset = client.upload(project.id, odd_files[name], kind).asset
    with pytest.raises(JobFailedError) as caught:
        client.wait_job(asset.ingest_job_id)
    failure = caught.value.job.failure
    assert ErrorReason.Name(failure.reason).removeprefix("ERROR_REASON_") in BAD_MEDIA[name]
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert failure.metadata["asset_id"] == asset.id
    assert odd_files[name].name in failure.message
    assert "the secret" not in str(failure)
    now = client.get_asset(asset.id)
    assert now.state == asset_pb2.ASSET_STATE_FAILED
    assert now.failure.reason == failure.reason
    assert listener.visits == 0


def test_an_empty_file_is_refused_before_anything_is_sent(client, project, odd_files):
    with pytest.raises(BeatStitchError) as caught:
        client.upload(project.id, odd_files["bad_empty"], common_pb2.MEDIA_TYPE_VIDEO)
    assert caught.value.reason in {
        failure_pb2.ERROR_REASON_FIELD_INVALID,
        failure_pb2.ERROR_REASON_INPUT_CORRUPT,
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("short_sound", failure_pb2.ERROR_REASON_AUDIO_TOO_SHORT),
        ("bad_text", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED),
        ("alpha_png", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED),
    ],
)
def test_a_bad_song_is_refused_by_name_and_reason(client, odd_files, name, reason):
    project = client.create_project("a bad song")
    asset = client.upload(project.id, odd_files[name], common_pb2.MEDIA_TYPE_AUDIO).asset
    with pytest.raises(JobFailedError) as caught:
        client.wait_job(asset.ingest_job_id)
    assert caught.value.job.failure.reason == reason
    assert odd_files[name].name in caught.value.job.failure.message


def test_silence_makes_a_video_on_an_even_grid_and_says_so(client, odd_files, media_dir):
    project = client.create_project("silence")
    song = client.upload(project.id, odd_files["silence"], common_pb2.MEDIA_TYPE_AUDIO).asset
    client.upload(project.id, odd_files["alpha_png"])
    job = client.wait_job(client.stitch(project.id, SMALL).id)
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    grid = client.get_beat_grid(song.id)
    assert grid.bpm_confidence == 0
    assert "NO_BEAT_FOUND" in {warning.code for warning in grid.warnings}


def test_no_media_is_told_at_once(client, media_dir):
    project = client.create_project("no media")
    song = compose(bars=4).write(media_dir / "short-song.wav")
    client.wait_job(client.upload(project.id, song).job.id)
    with pytest.raises(BeatStitchError) as caught:
        client.generate_timeline(project.id, SMALL)
    assert caught.value.reason == failure_pb2.ERROR_REASON_NO_READY_MEDIA
    with pytest.raises(BeatStitchError) as caught:
        client.stitch(project.id, SMALL)
    assert caught.value.reason == failure_pb2.ERROR_REASON_NO_READY_MEDIA


def test_a_bad_clip_fails_its_stitch_by_name_or_is_left_out(client, odd_files, media_dir):
    project = client.create_project("one bad clip")
    client.upload(project.id, compose(bars=4).write(media_dir / "song-4.wav"))
    coded_clip(media_dir / "good.mp4", source_id=5, frames=60, size=(320, 180))
    client.upload(project.id, media_dir / "good.mp4")
    bad = client.upload(project.id, odd_files["bad_text"], common_pb2.MEDIA_TYPE_VIDEO).asset
    with pytest.raises(JobFailedError) as caught:
        client.wait_job(client.stitch(project.id, SMALL).id)
    assert caught.value.job.failure.metadata["asset_id"] == bad.id
    assert "text.mp4" in caught.value.job.failure.message

    job = client.wait_job(client.stitch(project.id, SMALL, skip_failed_media=True).id)
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert "text.mp4" in job.stages[0].detail


def test_all_wrong_settings_are_told_at_once(client, project):
    wrong = TimelineSettings(beats_per_cut=65, output=OutputFormat(width=15, height=8001))
    with pytest.raises(BeatStitchError) as caught:
        client.stitch(project.id, wrong)
    fields = {violation.field for violation in caught.value.violations}
    assert {
        "settings.beats_per_cut",
        "settings.output.width",
        "settings.output.height",
    } <= fields
