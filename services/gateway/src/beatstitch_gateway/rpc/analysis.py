"""AnalysisService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import PurePath

from beatstitch.internal.v1 import analyzer_engine_service_pb2 as engine
from beatstitch.internal.v1 import timeline_engine_service_pb2 as timeline_engine
from beatstitch.v1 import job_pb2
from beatstitch.v1.analysis_service_pb2 import (
    AnalyzeAudioRequest,
    AnalyzeAudioResponse,
    BeatGridFormat,
    EditBeatGridRequest,
    EditBeatGridResponse,
    ExportBeatGridRequest,
    ExportBeatGridResponse,
    ExportWaveformRequest,
    ExportWaveformResponse,
    GetBeatGridRequest,
    GetBeatGridResponse,
    GetWaveformRequest,
    GetWaveformResponse,
    RenderBeatProofRequest,
    RenderBeatProofResponse,
)
from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceServicer
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.canonical import parse_json
from beatstitch_gateway import specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.corrections import edit_grid
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.quotas.need import Want
from beatstitch_gateway.songs import get_song
from beatstitch_gateway.validation import Check


class AnalysisRpc(AnalysisServiceServicer):
    """Beats and shape of the song."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def AnalyzeAudio(
        self, request: AnalyzeAudioRequest, context: Context
    ) -> AnalyzeAudioResponse:
        """Looks for the beats of a song again."""
        check = Check()
        check.request_id(request.request_id)
        check.analysis(request.settings, "settings")
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> AnalyzeAudioResponse:
            await self._deps.quotas.need(tx, tenant, Want(jobs=1))
            song = await get_song(tx, tenant, request.asset_id)
            specs.need_ready(song)
            job = new_job(
                song.asset.project_id,
                job_pb2.JOB_TYPE_BEAT_ANALYSIS,
                asset_id=song.asset.id,
            )
            await submit(tx, tenant, job, specs.ingest_spec(song, request.settings))
            return AnalyzeAudioResponse(job=job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, AnalyzeAudioResponse, work)

    async def GetBeatGrid(
        self, request: GetBeatGridRequest, context: Context
    ) -> GetBeatGridResponse:
        """The song's current beat grid."""
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await get_song(tx, current_tenant(), request.asset_id))
        ref = song.beat_grid or ObjectRef()
        return GetBeatGridResponse(
            beat_grid=await self._grid(ref), beat_grid_sha256=ref.sha256, overlay=song.overlay
        )

    async def GetWaveform(
        self, request: GetWaveformRequest, context: Context
    ) -> GetWaveformResponse:
        """The song's shape, with the beats in the same range."""
        check = Check()
        check.waveform(request.start_us, request.end_us, request.buckets)
        check.done()
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await get_song(tx, current_tenant(), request.asset_id))
        question = engine.GetWaveformRequest(
            waveform=song.waveform,
            start_us=request.start_us,
            end_us=request.end_us,
            buckets=request.buckets,
        )
        grid, answer = await asyncio.gather(
            self._grid(song.beat_grid or ObjectRef()),
            self._deps.engines.analyzer(lambda stub: stub.GetWaveform, question),
        )
        end_us = request.end_us or grid.duration_us
        start_us = request.start_us
        return GetWaveformResponse(
            waveform=answer.waveform,
            beats=[b for b in grid.beats if start_us <= b.time_us < end_us],
            bars=[b for b in grid.bars if b.start_us < end_us and b.end_us > start_us],
            sections=[s for s in grid.sections if s.start_us < end_us and s.end_us > start_us],
        )

    async def EditBeatGrid(
        self, request: EditBeatGridRequest, context: Context
    ) -> EditBeatGridResponse:
        """Corrects the song's grid."""
        return await edit_grid(self._deps, current_tenant(), request)

    async def RenderBeatProof(
        self, request: RenderBeatProofRequest, context: Context
    ) -> AsyncIterator[RenderBeatProofResponse]:
        """A short film of a grid; the analyzer makes it."""
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await get_song(tx, current_tenant(), request.asset_id))
        given = request.HasField("beat_grid")
        grid = request.beat_grid if given else await self._grid(song.beat_grid or ObjectRef())
        question = engine.RenderBeatProofRequest(audio=song.object, beat_grid=grid)
        async for part in self._deps.engines.analyzer_stream(
            lambda stub: stub.RenderBeatProof, question
        ):
            yield RenderBeatProofResponse(chunk=part.chunk)

    async def ExportWaveform(
        self, request: ExportWaveformRequest, context: Context
    ) -> AsyncIterator[ExportWaveformResponse]:
        """The song's shape in a file format of the trade; the analyzer writes it."""
        check = Check()
        check.waveform_file(request.format, request.samples_per_bin, request.width)
        check.done()
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await get_song(tx, current_tenant(), request.asset_id))
        question = engine.ExportWaveformRequest(
            waveform=song.waveform,
            beat_grid=await self._grid(song.beat_grid or ObjectRef()),
            format=request.format,
            samples_per_bin=request.samples_per_bin,
            width=request.width,
        )
        async for part in self._deps.engines.analyzer_stream(
            lambda stub: stub.ExportWaveform, question
        ):
            yield ExportWaveformResponse(chunk=part.chunk, content_type=part.content_type)

    async def ExportBeatGrid(
        self, request: ExportBeatGridRequest, context: Context
    ) -> ExportBeatGridResponse:
        """The song's beats in a file format of the trade; the timeline service writes it."""
        check = Check()
        check.that(request.format in BeatGridFormat.values(), "format", "is not known")
        check.done()
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await get_song(tx, current_tenant(), request.asset_id))
        question = timeline_engine.ExportBeatGridRequest(
            beat_grid=await self._deps.grids.get(song.beat_grid),
            format=request.format,
            title=PurePath(song.asset.filename).stem,
        )
        answer: timeline_engine.ExportBeatGridResponse = await self._deps.engines.timeline(
            lambda stub: stub.ExportBeatGrid, question
        )
        return answer.file

    async def _grid(self, ref: ObjectRef) -> BeatGrid:
        return parse_json(await self._deps.storage.get(ref.key), BeatGrid())
