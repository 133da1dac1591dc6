"""AnalyzerEngineService over a real channel."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import grpc
import pytest

from beatstitch.internal.v1 import analyzer_engine_service_pb2 as calls
from beatstitch.v1 import analysis_service_pb2, common_pb2, failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_analyzer.backends import installed
from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_samples import click_track, write_audio, write_photo

if TYPE_CHECKING:
    from pathlib import Path

LIBROSA = analysis_service_pb2.AnalysisSettings(
    analyzer=analysis_service_pb2.ANALYZER_CHOICE_LIBROSA
)
MADMOM = analysis_service_pb2.AnalysisSettings(analyzer=analysis_service_pb2.ANALYZER_CHOICE_MADMOM)


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    beats = range(300_000, 12_000_000, 500_000)
    return write_audio(tmp_path / "clicks.wav", click_track(beats, 12_000_000), 48_000)


async def reason_of(call) -> int:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value, "analyzer").reason


async def test_analyze_audio_streams_progress_and_then_the_grid(room, clicks: Path):
    request = calls.AnalyzeAudioRequest(audio=await room.put(clicks), settings=LIBROSA)
    replies = [reply async for reply in room.engine.AnalyzeAudio(request)]
    percents = [reply.progress_percent for reply in replies]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [reply.HasField("beat_grid") for reply in replies] == [False] * (len(replies) - 1) + [
        True
    ]
    grid = replies[-1].beat_grid
    assert grid.analyzer == "librosa"
    assert 117 < grid.bpm < 123


async def test_analyze_audio_names_what_is_wrong(room):
    async def first(request):
        async for _ in room.engine.AnalyzeAudio(request):
            pass

    assert (
        await reason_of(first(calls.AnalyzeAudioRequest()))
        == failure_pb2.ERROR_REASON_FIELD_INVALID
    )
    gone = calls.AnalyzeAudioRequest(audio=ObjectRef(key=f"{room.prefix}in/none"))
    assert await reason_of(first(gone)) == failure_pb2.ERROR_REASON_OBJECT_MISSING


async def test_madmom_by_name_is_a_precondition(open_room, clicks: Path):
    room = await open_room(analyzer_backend="librosa")
    request = calls.AnalyzeAudioRequest(audio=await room.put(clicks), settings=MADMOM)

    async def first():
        async for _ in room.engine.AnalyzeAudio(request):
            pass

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await first()
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_probe_media_says_what_it_is(room, tmp_path: Path):
    photo = write_photo(tmp_path / "photo.jpg", "silk", size=(320, 240))
    reply = await room.engine.ProbeMedia(calls.ProbeMediaRequest(object=await room.put(photo)))
    assert reply.info.media_type == common_pb2.MEDIA_TYPE_IMAGE
    assert (reply.info.width, reply.info.height) == (320, 240)


async def test_get_waveform_reads_a_range(room, clicks: Path):
    job = await room.song(clicks)
    job.beat_analysis.settings.CopyFrom(LIBROSA)
    waveform = (await room.end_of(job)).succeeded.beat_analysis.waveform
    request = calls.GetWaveformRequest(waveform=waveform, start_us=250_000, end_us=750_000)
    request.buckets = 50
    stretch = (await room.engine.GetWaveform(request)).waveform
    assert (stretch.start_us, stretch.end_us) == (250_000, 750_000)
    assert len(stretch.min) == len(stretch.max) == len(stretch.rms) == 50
    assert max(stretch.max) > 60
    loud = [i for i, value in enumerate(stretch.max) if value > 30]
    assert loud, stretch
    assert set(loud) <= {4, 5}  # the click at 300 ms
    request.buckets = 20_001
    assert (
        await reason_of(room.engine.GetWaveform(request)) == failure_pb2.ERROR_REASON_FIELD_INVALID
    )


async def test_export_waveform_streams_a_file(room, clicks: Path):
    job = await room.song(clicks)
    job.beat_analysis.settings.CopyFrom(LIBROSA)
    made = (await room.end_of(job)).succeeded.beat_analysis
    request = calls.ExportWaveformRequest(waveform=made.waveform)
    parts = [part async for part in room.engine.ExportWaveform(request)]
    assert parts[0].content_type == "application/octet-stream"
    dat = b"".join(part.chunk for part in parts)
    version, flags, rate, scale, length, channels = struct.unpack_from("<iIiiIi", dat)
    assert (version, flags, scale, channels) == (2, 1, 256, 1)
    assert len(dat) == 24 + 2 * length
    assert abs(length * scale - 12 * rate) < scale
    request.format = analysis_service_pb2.WAVEFORM_FORMAT_PNG
    parts = [part async for part in room.engine.ExportWaveform(request)]
    assert parts[0].content_type == "image/png"
    assert parts[0].chunk.startswith(b"\x89PNG")
    request.width = 8001

    async def first():
        async for _ in room.engine.ExportWaveform(request):
            pass

    assert await reason_of(first()) == failure_pb2.ERROR_REASON_FIELD_INVALID


async def test_capabilities_name_the_models_licence(room):
    reply = await room.engine.GetAnalyzerCapabilities(calls.GetAnalyzerCapabilitiesRequest())
    assert [info.name for info in reply.analyzers] == list(installed())
    licences = {info.name: info.model_licence for info in reply.analyzers}
    assert licences["librosa"] == ""
    assert licences.get("madmom", "CC BY-NC-SA 4.0") == "CC BY-NC-SA 4.0"
