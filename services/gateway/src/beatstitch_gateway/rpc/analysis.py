"""AnalysisService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import asyncio

from beatstitch.internal.v1 import analyzer_engine_service_pb2 as engine
from beatstitch.v1 import job_pb2
from beatstitch.v1.analysis_service_pb2 import (
    AnalyzeAudioRequest,
    AnalyzeAudioResponse,
    GetBeatGridRequest,
    GetBeatGridResponse,
    GetWaveformRequest,
    GetWaveformResponse,
)
from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceServicer
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.canonical import parse_json
from beatstitch_core.errors import field_error
from beatstitch_gateway import specs
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.submit import new_job, submit
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
            song = await _song(tx, tenant, request.asset_id)
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
            song = specs.need_grid(await _song(tx, current_tenant(), request.asset_id))
        ref = song.beat_grid or ObjectRef()
        return GetBeatGridResponse(beat_grid=await self._grid(ref), beat_grid_sha256=ref.sha256)

    async def GetWaveform(
        self, request: GetWaveformRequest, context: Context
    ) -> GetWaveformResponse:
        """The song's shape, with the beats in the same range."""
        check = Check()
        check.waveform(request.start_us, request.end_us, request.buckets)
        check.done()
        async with self._deps.database.transaction() as tx:
            song = specs.need_grid(await _song(tx, current_tenant(), request.asset_id))
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
        beats = [b for b in grid.beats if request.start_us <= b.time_us < end_us]
        return GetWaveformResponse(waveform=answer.waveform, beats=beats)

    async def _grid(self, ref: ObjectRef) -> BeatGrid:
        return parse_json(await self._deps.storage.get(ref.key), BeatGrid())


async def _song(tx: Transaction, tenant: str, asset_id: str) -> AssetRow:
    row = await assets.get(tx, tenant, asset_id)
    if not row.is_audio:
        raise field_error("asset_id", f"{row.asset.filename!r} is not a song")
    return row
