"""Jobs of the analyzer from the queue to the event, over real NATS, S3 and ffmpeg."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from beatstitch.v1 import analysis_service_pb2, beat_grid_pb2, common_pb2, failure_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.backends import installed
from beatstitch_analyzer.waveform import read_waveform
from beatstitch_core.canonical import canonical_json, parse_json, sha256_hex
from beatstitch_samples import click_track, compose, silence, write_audio, write_clip, write_photo

if TYPE_CHECKING:
    from pathlib import Path

needs_madmom = pytest.mark.skipif("madmom" not in installed(), reason="madmom is an extra")


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    """Twelve seconds at 120 BPM, first click at 0.3 s."""
    beats = range(300_000, 12_000_000, 500_000)
    return write_audio(tmp_path / "clicks.wav", click_track(beats, 12_000_000), 48_000)


@needs_madmom
async def test_a_song_becomes_a_grid_and_a_waveform(room, tmp_path: Path):
    song = compose(bpm=120, bars=8)
    spec = await room.song(song.write(tmp_path / "song.mp3"), "my song.mp3")
    event = await room.end_of(spec)
    assert event.WhichOneof("event") == "succeeded", event
    output = event.succeeded.beat_analysis
    data = await room.storage.get(output.beat_grid.key)
    grid = parse_json(data, BeatGrid())
    assert data == canonical_json(grid)
    assert output.beat_grid.sha256 == sha256_hex(data) == output.result.beat_grid_sha256
    assert output.beat_grid.key.startswith(f"{room.prefix}grid/")
    assert output.info.media_type == common_pb2.MEDIA_TYPE_AUDIO
    assert output.audio == spec.beat_analysis.audio
    assert grid.audio_sha256 == spec.beat_analysis.audio.sha256
    assert (grid.analyzer, grid.model_licence) == ("madmom", "CC BY-NC-SA 4.0")
    assert 119.9 < grid.bpm < 120.1
    assert output.result.bpm == grid.bpm
    assert output.result.beat_count == len(grid.beats)
    assert output.result.asset_id == spec.beat_analysis.asset_id
    assert not output.result.cached
    waveform = read_waveform(await room.storage.get(output.waveform.key), buckets=100)
    assert len(waveform.max) == 100


async def test_a_finished_analysis_is_found_and_not_made_again(room, clicks: Path):
    first = await room.song(clicks)
    made = (await room.end_of(first)).succeeded.beat_analysis
    second = await room.song(clicks, "same bytes.wav")
    found = (await room.end_of(second)).succeeded.beat_analysis
    assert (made.result.cached, found.result.cached) == (False, True)
    assert found.beat_grid == made.beat_grid
    assert found.waveform == made.waveform
    assert found.info == made.info
    assert found.result.asset_id == second.beat_analysis.asset_id
    assert found.audio.key == second.beat_analysis.audio.key


async def test_what_a_cleaner_took_is_made_again_to_the_same_bytes(room, clicks: Path):
    spec = await room.song(clicks)
    made = (await room.end_of(spec)).succeeded.beat_analysis
    await room.storage.delete([made.waveform.key])
    again = (await room.end_of(await room.song(clicks))).succeeded.beat_analysis
    assert not again.result.cached
    assert again.beat_grid == made.beat_grid
    assert again.waveform == made.waveform


async def test_a_forced_fallback_says_librosa_and_keeps_its_confidence(room, clicks: Path):
    spec = await room.song(clicks)
    spec.beat_analysis.settings.analyzer = analysis_service_pb2.ANALYZER_CHOICE_LIBROSA
    output = (await room.end_of(spec)).succeeded.beat_analysis
    assert (output.result.analyzer, output.result.bpm_confidence) == ("librosa", 0.7)
    assert 117 < output.result.bpm < 123
    grid = parse_json(await room.storage.get(output.beat_grid.key), BeatGrid())
    assert grid.metre_source == beat_grid_pb2.METRE_SOURCE_DERIVED
    assert [b.beat_number for b in grid.beats] == [i % 4 + 1 for i in range(len(grid.beats))]
    assert not any(w.code == "FALLBACK_ANALYZER" for w in grid.warnings)


async def test_silence_gets_an_even_grid_and_an_honest_flag(room, tmp_path: Path):
    path = write_audio(tmp_path / "silence.wav", silence(10_000_000), 48_000)
    output = (await room.end_of(await room.song(path))).succeeded.beat_analysis
    assert (output.result.bpm, output.result.bpm_confidence) == (120.0, 0.0)
    grid = parse_json(await room.storage.get(output.beat_grid.key), BeatGrid())
    assert [w.code for w in grid.warnings] == ["NO_BEAT_FOUND"]
    assert [b.time_us for b in grid.beats] == list(range(0, 10_000_000, 500_000))


@pytest.mark.parametrize("kind", ["short", "text", "photo"])
async def test_what_is_no_song_fails_at_once_and_is_named(room, tmp_path: Path, kind: str):
    if kind == "short":
        path = write_audio(tmp_path / "short.wav", silence(300_000), 48_000)
        reason = failure_pb2.ERROR_REASON_AUDIO_TOO_SHORT
    elif kind == "text":
        path = tmp_path / "song.txt"
        path.write_text("la la la " * 100)
        reason = failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED
    else:
        path = write_photo(tmp_path / "photo.jpg", "silk", size=(320, 240))
        reason = failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED
    spec = await room.song(path, "Très mauvais.mp3")
    failure = (await room.end_of(spec)).failed.failure
    assert failure.reason == reason, failure
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert not failure.retryable
    assert failure.metadata["asset_id"] == spec.beat_analysis.asset_id
    assert "Très mauvais.mp3" in failure.message


async def test_bytes_other_than_declared_fail_the_job_by_name(room, clicks: Path):
    spec = await room.song(clicks, "clicks.wav")
    spec.beat_analysis.audio.sha256 = "0" * 64
    failure = (await room.end_of(spec)).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_UPLOAD_MISMATCH
    assert failure.metadata["asset_id"] == spec.beat_analysis.asset_id
    assert "clicks.wav" in failure.message


async def test_a_child_over_its_memory_fails_as_out_of_memory(open_room, clicks: Path):
    room = await open_room(analysis_memory_bytes=200_000_000, max_deliver=1)
    failure = (await room.end_of(await room.song(clicks))).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_OUT_OF_MEMORY, failure
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_SYSTEM
    assert failure.retryable


async def test_a_killed_child_is_a_passing_failure_and_the_job_is_done_again(room, tmp_path: Path):
    song = compose(bpm=120, bars=16)
    spec = await room.song(song.write(tmp_path / "song.wav"))
    ended = asyncio.create_task(room.end_of(spec))
    await _kill_once()
    event = await ended
    assert event.WhichOneof("event") == "succeeded", event
    assert event.delivery == 2


async def _kill_once() -> None:
    """Kills the first tracking child of this process, and nothing else."""
    async with asyncio.timeout(30):
        while True:
            for child in psutil.Process().children(recursive=True):
                try:
                    if "beatstitch_analyzer.track_child" in child.cmdline():
                        child.send_signal(signal.SIGSEGV)
                        return
                except psutil.NoSuchProcess:
                    continue
            await asyncio.sleep(0.01)


async def test_a_photo_becomes_a_thumbnail(room, tmp_path: Path):
    path = write_photo(tmp_path / "photo.jpg", "silk", size=(640, 480))
    spec = await room.media(path, "photo.jpg")
    output = (await room.end_of(spec)).succeeded.media_ingest
    assert (output.info.width, output.info.height) == (640, 480)
    assert output.info.media_type == common_pb2.MEDIA_TYPE_IMAGE
    assert (await room.storage.get(output.thumbnail.key)).startswith(b"\xff\xd8\xff")
    assert output.media.sha256 == spec.media_ingest.media.sha256
    assert output.result.asset_id == spec.media_ingest.asset_id
    again = (await room.end_of(await room.media(path, "again.jpg"))).succeeded.media_ingest
    assert (output.result.cached, again.result.cached) == (False, True)
    assert again.thumbnail == output.thumbnail
    assert again.info == output.info


async def test_a_clip_becomes_a_thumbnail(room, tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", "waves", size=(320, 180), count=30)
    output = (await room.end_of(await room.media(path, "clip.mp4"))).succeeded.media_ingest
    assert output.info.media_type == common_pb2.MEDIA_TYPE_VIDEO
    assert output.info.duration_us > 0
    assert (await room.storage.get(output.thumbnail.key)).startswith(b"\xff\xd8\xff")


async def test_a_song_is_no_picture(room, clicks: Path):
    failure = (await room.end_of(await room.media(clicks, "clicks.jpg"))).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED
    assert "clicks.jpg" in failure.message
