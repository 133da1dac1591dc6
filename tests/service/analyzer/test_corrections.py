"""Corrections over real NATS, S3 and ffmpeg: edited grids are stored, films show the beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from beatstitch.internal.v1.analyzer_engine_service_pb2 import (
    EditBeatGridRequest,
    RenderBeatProofRequest,
)
from beatstitch.v1 import failure_pb2
from beatstitch.v1.analysis_service_pb2 import ANALYZER_CHOICE_LIBROSA
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay, HintTempo, ScaleTempo
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef, Rational
from beatstitch_core.canonical import canonical_json, message_hash, parse_json, sha256_hex
from beatstitch_core.timebase import frame_at, samples_at
from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_samples import click_track, silence, write_audio
from beatstitch_samples.measure import decode_audio, decode_frames

if TYPE_CHECKING:
    from pathlib import Path

DOUBLE = BeatGridOverlay(edits=[BeatGridEdit(scale_tempo=ScaleTempo(num=2, den=1))])
HINT = BeatGridOverlay(edits=[BeatGridEdit(hint_tempo=HintTempo(bpm=60))])


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    """Twelve seconds at 120 BPM, first click at 0.3 s."""
    beats = range(300_000, 12_000_000, 500_000)
    return write_audio(tmp_path / "clicks.wav", click_track(beats, 12_000_000), 48_000)


async def analysed(room, path: Path, overlay: BeatGridOverlay | None = None):
    spec = await room.song(path)
    spec.beat_analysis.settings.analyzer = ANALYZER_CHOICE_LIBROSA
    if overlay is not None:
        spec.beat_analysis.overlay.CopyFrom(overlay)
    return (await room.end_of(spec)).succeeded.beat_analysis


async def stored_grid(room, ref: ObjectRef) -> BeatGrid:
    data = await room.storage.get(ref.key)
    assert ref.sha256 == sha256_hex(data)
    return parse_json(data, BeatGrid())


async def refused(call) -> object:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value, "analyzer")


async def test_an_edited_grid_is_stored_beside_the_heard_one(room, clicks: Path):
    made = await analysed(room, clicks)
    assert not made.HasField("edited_beat_grid")
    assert made.activations.key.startswith(f"{room.prefix}activations/")
    request = EditBeatGridRequest(beat_grid=made.beat_grid, overlay=DOUBLE, key_prefix=room.prefix)
    reply = await room.engine.EditBeatGrid(request)
    heard = await stored_grid(room, made.beat_grid)
    assert len(reply.beat_grid.beats) == 2 * len(heard.beats) - 1
    assert reply.beat_grid.overlay_sha256 == message_hash(DOUBLE)
    assert reply.overlay == DOUBLE
    assert await room.storage.get(reply.object.key) == canonical_json(reply.beat_grid)
    assert reply.object.sha256 == message_hash(reply.beat_grid)
    again = await room.engine.EditBeatGrid(request)
    assert again == reply
    request.overlay.Clear()
    assert (await room.engine.EditBeatGrid(request)).object == made.beat_grid


async def test_a_hint_runs_the_decoder_on_what_was_kept(room, clicks: Path):
    made = await analysed(room, clicks)
    request = EditBeatGridRequest(
        beat_grid=made.beat_grid,
        activations=made.activations,
        overlay=HINT,
        key_prefix=room.prefix,
    )
    reply = await room.engine.EditBeatGrid(request)
    assert 59 < reply.beat_grid.bpm < 61

    request.ClearField("activations")  # of an analysis before activations were kept
    error = await refused(room.engine.EditBeatGrid(request))
    assert error.reason == failure_pb2.ERROR_REASON_EDIT_INVALID
    assert "analyse the song again" in error.message
    request.activations.key = f"{room.prefix}activations/gone"
    error = await refused(room.engine.EditBeatGrid(request))
    assert error.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING


async def test_corrections_outlive_an_analysis(room, clicks: Path):
    made = await analysed(room, clicks)
    again = await analysed(room, clicks, DOUBLE)
    assert again.result.cached
    assert again.beat_grid == made.beat_grid
    edited = await stored_grid(room, again.edited_beat_grid)
    assert again.result.beat_count == len(edited.beats) == 2 * made.result.beat_count - 1
    assert again.result.bpm == edited.bpm
    assert again.result.beat_grid_sha256 == again.edited_beat_grid.sha256


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
async def test_the_film_flashes_and_clicks_on_every_beat(room, tmp_path: Path, suffix):
    song = await room.put(write_audio(tmp_path / f"s{suffix}", silence(6_000_000), 48_000))
    grid = BeatGrid(duration_us=6_000_000)
    for i in range(13):
        grid.beats.add(time_us=210_007 + i * 441_337, is_downbeat=i % 4 == 0)
    request = RenderBeatProofRequest(audio=song, beat_grid=grid)
    chunks = [reply.chunk async for reply in room.engine.RenderBeatProof(request)]
    assert all(0 < len(chunk) <= 256 * 1024 for chunk in chunks)
    film = tmp_path / "proof.mp4"
    film.write_bytes(b"".join(chunks))

    levels = [int(rgb.mean()) for _, _, rgb in decode_frames(film)]
    assert len(levels) == 180
    expected = [0] * 180
    for beat in grid.beats:
        first = frame_at(beat.time_us, Rational(num=30, den=1))
        expected[first : first + 2] = [255 if beat.is_downbeat else 128] * 2
    assert max(abs(a - b) for a, b in zip(levels, expected, strict=True)) < 12

    sound, rate = decode_audio(film)
    assert rate == 48_000
    assert 288_000 <= len(sound) < 288_000 + 1_024
    mono = sound.mean(axis=1)
    for beat in grid.beats:
        at = samples_at(beat.time_us, rate)
        hertz = 2_000 if beat.is_downbeat else 1_000
        time = np.arange(480) / rate
        click = np.sin(2 * np.pi * hertz * time) * np.exp(-time / 0.006)
        match = np.correlate(mono[at - 200 : at + 200 + len(click)], click, "valid")
        assert abs(int(match.argmax()) - 200) <= 1
        quiet = mono[at - 4_800 : at - 480]
        assert np.abs(quiet).max() < 0.02


async def test_a_grid_that_cannot_be_shown_is_refused(room, clicks: Path):
    song = await room.put(clicks)

    async def first(grid: BeatGrid) -> None:
        call = room.engine.RenderBeatProof(RenderBeatProofRequest(audio=song, beat_grid=grid))
        async for _ in call:
            return

    for grid in (
        BeatGrid(),
        BeatGrid(duration_us=9, audio_sha256="0" * 64),
        BeatGrid(duration_us=9, beats=[{"time_us": 10}]),
        BeatGrid(duration_us=9, beats=[{"time_us": 2}, {"time_us": 2}]),
    ):
        error = await refused(first(grid))
        assert error.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
