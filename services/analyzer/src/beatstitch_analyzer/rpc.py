"""AnalyzerEngineService: what the analyzer answers at once. Stateless."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch.internal.v1 import analyzer_engine_service_pb2_grpc as stubs
from beatstitch.internal.v1.analyzer_engine_service_pb2 import (
    DESCRIPTOR,
    AnalyzeAudioRequest,
    AnalyzeAudioResponse,
    ExportWaveformRequest,
    ExportWaveformResponse,
    GetAnalyzerCapabilitiesRequest,
    GetAnalyzerCapabilitiesResponse,
    GetWaveformRequest,
    GetWaveformResponse,
    ProbeMediaRequest,
    ProbeMediaResponse,
)
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.analysis import Tell, analyse, choose_for, probe_song
from beatstitch_analyzer.backends import analyzer_infos
from beatstitch_analyzer.corrections.rpc import CorrectionCalls
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_analyzer.waveform import MAX_BUCKETS, read_stored
from beatstitch_analyzer.waveform.export import export_waveform
from beatstitch_core.errors import field_error
from beatstitch_core.limits import default_limits
from beatstitch_media.probe import probe
from beatstitch_runtime.storage import STREAM_BYTES, Storage

if TYPE_CHECKING:
    from typing import Any

    import grpc.aio

    Context = grpc.aio.ServicerContext[Any, Any]

SERVICE_NAME = DESCRIPTOR.services_by_name["AnalyzerEngineService"].full_name


class AnalyzerEngine(CorrectionCalls, stubs.AnalyzerEngineServiceServicer):
    """Handlers; errors are mapped by the server's interceptor."""

    def __init__(self, storage: Storage, settings: AnalyzerSettings) -> None:
        super().__init__(storage, settings)
        self._places = asyncio.Semaphore(settings.rpc_slots)

    async def AnalyzeAudio(  # noqa: N802
        self, request: AnalyzeAudioRequest, _context: Context
    ) -> AsyncIterator[AnalyzeAudioResponse]:
        """Progress, then the grid. Leaving the call ends the work."""
        if not request.audio.key:
            raise field_error("audio.key", "is required")
        told: asyncio.Queue[int | None] = asyncio.Queue()

        async def tell(percent: int, _detail: str = "") -> None:
            told.put_nowait(percent)

        async def work() -> BeatGrid:
            try:
                return await self._analyse(request, tell)
            finally:
                told.put_nowait(None)

        task = asyncio.create_task(work())
        try:
            while (percent := await told.get()) is not None:
                yield AnalyzeAudioResponse(progress_percent=percent)
            yield AnalyzeAudioResponse(progress_percent=100, beat_grid=await task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ProbeMedia(  # noqa: N802
        self, request: ProbeMediaRequest, _context: Context
    ) -> ProbeMediaResponse:
        """What is in a file."""
        if not request.object.key:
            raise field_error("object.key", "is required")
        async with self._places:
            with tempfile.TemporaryDirectory(dir=self._settings.work_dir) as folder:
                path = Path(folder) / "media"
                await self._storage.fetch(request.object, path)
                probed = await probe(
                    path,
                    filename=_name(request.object.key),
                    limits=default_limits(),
                    work_dir=Path(folder),
                )
        return ProbeMediaResponse(info=probed.info)

    async def GetWaveform(  # noqa: N802
        self, request: GetWaveformRequest, _context: Context
    ) -> GetWaveformResponse:
        """A stretch of a stored waveform."""
        if not request.waveform.key:
            raise field_error("waveform.key", "is required")
        if not 0 <= request.buckets <= MAX_BUCKETS:
            raise field_error("buckets", f"is 0 to {MAX_BUCKETS}")
        if request.start_us < 0:
            raise field_error("start_us", "is not negative")
        if request.end_us and request.end_us <= request.start_us:
            raise field_error("end_us", "lies after start_us, or is 0 for the song's end")
        waveform = await read_stored(
            self._storage,
            request.waveform.key,
            start_us=request.start_us,
            end_us=request.end_us,
            buckets=request.buckets,
        )
        return GetWaveformResponse(waveform=waveform)

    async def ExportWaveform(  # noqa: N802
        self, request: ExportWaveformRequest, _context: Context
    ) -> AsyncIterator[ExportWaveformResponse]:
        """A stored waveform as a file, 256 KiB at a time."""
        if not request.waveform.key:
            raise field_error("waveform.key", "is required")
        made = await export_waveform(
            self._storage,
            request.waveform.key,
            request.beat_grid,
            request.format,
            samples_per_bin=request.samples_per_bin,
            width=request.width,
        )
        for start in range(0, len(made.data), STREAM_BYTES):
            part = ExportWaveformResponse(chunk=made.data[start : start + STREAM_BYTES])
            part.content_type = "" if start else made.content_type
            yield part

    async def GetAnalyzerCapabilities(  # noqa: N802
        self, _request: GetAnalyzerCapabilitiesRequest, _context: Context
    ) -> GetAnalyzerCapabilitiesResponse:
        """Which trackers can be used, best first."""
        infos = analyzer_infos(self._settings.analyzer_backend)
        return GetAnalyzerCapabilitiesResponse(analyzers=infos)

    async def _analyse(self, request: AnalyzeAudioRequest, tell: Tell) -> BeatGrid:
        async with self._places:
            with tempfile.TemporaryDirectory(dir=self._settings.work_dir) as folder:
                path, work_dir = Path(folder) / "song", Path(folder) / "beats"
                work_dir.mkdir()
                filename = _name(request.audio.key)
                await tell(0, "fetching")
                audio = await self._storage.fetch(request.audio, path)
                probed = await probe_song(
                    path, filename=filename, asset_id="", work_dir=Path(folder)
                )
                made = await analyse(
                    path,
                    probed,
                    choose_for(request.settings, probed, self._settings),
                    sha256=audio.sha256,
                    filename=filename,
                    settings=self._settings,
                    work_dir=work_dir,
                    tell=tell,
                )
        return made.grid


def _name(key: str) -> str:
    """What messages call a file that came without a name."""
    return key.rsplit("/", 1)[-1]
