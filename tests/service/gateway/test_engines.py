"""What the gateway asks the engines, answered by stand-ins on real channels."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import grpc.aio
import pytest_asyncio

from beatstitch.internal.v1 import (
    analyzer_engine_service_pb2 as analyzer,
)
from beatstitch.internal.v1 import (
    analyzer_engine_service_pb2_grpc as analyzer_grpc,
)
from beatstitch.internal.v1 import (
    renderer_engine_service_pb2 as renderer,
)
from beatstitch.internal.v1 import (
    renderer_engine_service_pb2_grpc as renderer_grpc,
)
from beatstitch.internal.v1 import (
    timeline_engine_service_pb2 as timeline,
)
from beatstitch.internal.v1 import (
    timeline_engine_service_pb2_grpc as timeline_grpc,
)
from beatstitch.internal.v1.render_plan_pb2 import ChunkPlan, RenderPlan
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_VIDEO
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.info_service_pb2 import AnalyzerInfo
from beatstitch.v1.waveform_pb2 import Waveform
from beatstitch_core.canonical import canonical_json, message_hash


class Engine(
    analyzer_grpc.AnalyzerEngineServiceServicer,
    timeline_grpc.TimelineEngineServiceServicer,
    renderer_grpc.RendererEngineServiceServicer,
):
    """All three engines; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked = []
        self.storage = None
        self.before_edit = None

    async def GetWaveform(self, request, context):
        self.asked.append(request)
        return analyzer.GetWaveformResponse(waveform=Waveform(start_us=request.start_us))

    async def EditBeatGrid(self, request, context):
        self.asked.append(request)
        if self.before_edit is not None:
            hook, self.before_edit = self.before_edit, None
            await hook()
        grid = BeatGrid(schema_version="1.0", bpm=120 + len(request.overlay.edits))
        ref = await self.storage.put(
            f"{request.key_prefix}grid/{message_hash(grid)}", canonical_json(grid)
        )
        return analyzer.EditBeatGridResponse(beat_grid=grid, object=ref, overlay=request.overlay)

    async def RenderBeatProof(self, request, context):
        self.asked.append(request)
        for chunk in (b"film", b"end"):
            yield analyzer.RenderBeatProofResponse(chunk=chunk)

    async def ExportWaveform(self, request, context):
        self.asked.append(request)
        yield analyzer.ExportWaveformResponse(chunk=b"png", content_type="image/png")

    async def GetAnalyzerCapabilities(self, request, context):
        return analyzer.GetAnalyzerCapabilitiesResponse(analyzers=[AnalyzerInfo(name="madmom")])

    async def ValidateTimeline(self, request, context):
        self.asked.append(request)
        return timeline.ValidateTimelineResponse(
            violations=[FieldViolation(field="segments[0]", description="late")]
        )

    async def PlanRender(self, request, context):
        self.asked.append(request)
        chunks = [
            ChunkPlan(index=0, start_frame=0, end_frame=60, chunk_hash="a"),
            ChunkPlan(index=1, start_frame=60, end_frame=90, chunk_hash="b"),
            ChunkPlan(index=2, start_frame=90, end_frame=120, chunk_hash="b"),
        ]
        return renderer.PlanRenderResponse(
            plan=RenderPlan(chunks=chunks), existing_chunk_hashes=["a"]
        )

    async def GetRendererCapabilities(self, request, context):
        return renderer.GetRendererCapabilitiesResponse(
            renderer_fingerprint="f",
            transitions=[1, 2],
            codecs=[1, 3],
            hardware_encoders=["h264_nvenc"],
        )


@pytest_asyncio.fixture
async def engine():
    served = Engine()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    analyzer_grpc.add_AnalyzerEngineServiceServicer_to_server(served, server)
    timeline_grpc.add_TimelineEngineServiceServicer_to_server(served, server)
    renderer_grpc.add_RendererEngineServiceServicer_to_server(served, server)
    served.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield served
    await server.stop(0)


async def test_answers_go_through(open_house, engine):
    addresses = {f"{name}_address": engine.address for name in ("analyzer", "timeline", "renderer")}
    async with open_house(**addresses) as house:
        info = await house.client.GetServerInfo()
        assert info.renderer_fingerprint == "f"
        assert [item.name for item in info.analyzers] == ["madmom"]
        assert list(info.transitions) == [1, 2]
        assert (list(info.codecs), list(info.hardware_encoders)) == ([1, 3], ["h264_nvenc"])

        project_id, song_id, pictures = await house.ready(2)
        edl_hash = await house.timeline(project_id)
        shape = await house.client.GetWaveform(
            asset_id=song_id, start_us=1_000_000, end_us=2_000_000, buckets=10
        )
        assert shape.waveform.start_us == 1_000_000
        assert [beat.time_us for beat in shape.beats] == [1_000_000, 1_500_000]
        assert engine.asked[-1].waveform.sha256
        assert engine.asked[-1].buckets == 10

        made = (await house.client.GetTimeline(project_id=project_id)).timeline
        found = await house.client.ValidateTimeline(edl=made.edl)
        assert [item.field for item in found.violations] == ["segments[0]"]
        media = {item.asset_id for item in engine.asked[-1].media}
        assert media == {song_id, *pictures}

        plan = await house.client.PlanRender(
            project_id=project_id, edl_hash=edl_hash, profile="preview"
        )
        assert [chunk.cached for chunk in plan.chunks] == [True, False, False]
        assert plan.cached_chunks == 1
        assert plan.frames_to_render == 30  # one piece that is shown twice
        assert engine.asked[-1].key_prefix == "t/default/"
        assert engine.asked[-1].profile.name == "preview"
        assert {item.asset_id for item in engine.asked[-1].media} == {song_id, *pictures}


HALF = {"scale_tempo": {"num": 1, "den": 2}}
SHIFT = {"shift_half_beat": {}}


async def test_corrections_are_kept_apart_and_applied_again(open_house, engine):
    async with open_house(analyzer_address=engine.address) as house:
        engine.storage = house.storage
        client = house.client
        project_id, song_id, _pictures = await house.ready(1)
        heard = await client.GetBeatGrid(asset_id=song_id)
        first = await client.EditBeatGrid(asset_id=song_id, edits=[HALF], request_id="e")
        assert await client.EditBeatGrid(asset_id=song_id, edits=[HALF], request_id="e") == first
        assert engine.asked[-1].beat_grid.sha256 == heard.beat_grid_sha256
        second = await client.EditBeatGrid(asset_id=song_id, edits=[SHIFT])
        assert [e.WhichOneof("edit") for e in second.overlay.edits] == [
            "scale_tempo",
            "shift_half_beat",
        ]
        # Always from what was heard, never an edit upon an edit.
        assert engine.asked[-1].beat_grid.sha256 == heard.beat_grid_sha256
        now = await client.GetBeatGrid(asset_id=song_id)
        assert now.beat_grid_sha256 == second.beat_grid_sha256
        assert now.overlay == second.overlay
        assert now.beat_grid.bpm == 122
        error = await client.refused(
            client.EditBeatGrid(
                asset_id=song_id, edits=[SHIFT], beat_grid_sha256=first.beat_grid_sha256
            ),
            "ETAG_MISMATCH",
        )
        assert error.metadata["current"] == second.beat_grid_sha256
        # A timeline takes the corrected grid, a new analysis the corrections.
        build = (await client.GenerateTimeline(project_id=project_id)).job
        spec = await house.take(build.id)
        assert spec.timeline_build.beat_grid.sha256 == second.beat_grid_sha256
        again = (await client.AnalyzeAudio(asset_id=song_id)).job
        spec = await house.take(again.id)
        assert spec.beat_analysis.overlay == second.overlay
        output = await house.output(spec)
        edited = output.beat_analysis.beat_grid
        output.beat_analysis.edited_beat_grid.key = edited.key
        output.beat_analysis.edited_beat_grid.sha256 = "e" * 64
        await house.event(spec, succeeded=output)
        await house.ended(again.id)
        assert (await client.GetBeatGrid(asset_id=song_id)).beat_grid_sha256 == "e" * 64
        back = await client.EditBeatGrid(asset_id=song_id, replace=True)
        assert not back.overlay.edits
        assert back.beat_grid == heard.beat_grid
        error = await client.refused(
            client.EditBeatGrid(asset_id=song_id, edits=[{}]), "FIELD_INVALID"
        )
        assert error.violations[0].field == "edits[0]"
        await client.refused(client.EditBeatGrid(asset_id=song_id), "FIELD_INVALID")


async def test_a_correction_made_meanwhile_is_not_lost(open_house, engine):
    async with open_house(analyzer_address=engine.address) as house:
        engine.storage = house.storage
        _project, song_id, _pictures = await house.ready(0)

        async def somebody_else() -> None:
            await house.client.EditBeatGrid(asset_id=song_id, edits=[HALF])

        engine.before_edit = somebody_else
        done = await house.client.EditBeatGrid(asset_id=song_id, edits=[SHIFT])
        kinds = [edit.WhichOneof("edit") for edit in done.overlay.edits]
        assert kinds == ["scale_tempo", "shift_half_beat"]


async def test_a_correction_during_an_analysis_stays(open_house, engine):
    async with open_house(analyzer_address=engine.address) as house:
        engine.storage = house.storage
        _project, song_id, _pictures = await house.ready(0)
        again = (await house.client.AnalyzeAudio(asset_id=song_id)).job
        spec = await house.take(again.id)
        edited = await house.client.EditBeatGrid(asset_id=song_id, edits=[HALF])
        await house.event(spec, succeeded=await house.output(spec))
        await house.ended(again.id)
        now = await house.client.GetBeatGrid(asset_id=song_id)
        assert now.beat_grid_sha256 == edited.beat_grid_sha256
        assert now.overlay == edited.overlay


async def test_films_and_files_come_through(open_house, engine):
    async with open_house(analyzer_address=engine.address) as house:
        _project, song_id, pictures = await house.ready(1)
        client = house.client
        film = [part.chunk async for part in client.RenderBeatProof(asset_id=song_id)]
        assert film == [b"film", b"end"]
        assert len(engine.asked[-1].beat_grid.beats) == 16
        tried = client.RenderBeatProof(asset_id=song_id, beat_grid={"bpm": 99})
        assert [part.chunk async for part in tried] == [b"film", b"end"]
        assert engine.asked[-1].beat_grid.bpm == 99
        files = [part async for part in client.ExportWaveform(asset_id=song_id, format=3)]
        assert files[0].content_type == "image/png"
        error = await client.refused(
            client.ExportWaveform(asset_id=song_id, format=9, samples_per_bin=5, width=10),
            "FIELD_INVALID",
        )
        assert [v.field for v in error.violations] == ["format", "samples_per_bin", "width"]
        for call in (
            client.ExportWaveform(asset_id=pictures[0]),
            client.EditBeatGrid(asset_id=pictures[0], edits=[SHIFT]),
            client.GetFilmstrip(asset_id=pictures[0]),
        ):
            await client.refused(call, "FIELD_INVALID")


async def test_a_filmstrip(house):
    project_id = await house.project()
    clip = await house.upload(project_id, "c.mp4", MEDIA_TYPE_VIDEO)
    await house.client.refused(house.client.GetFilmstrip(asset_id=clip.asset.id), "ASSET_NOT_READY")
    spec = await house.take(clip.job.id)
    output = await house.output(spec)
    ingest = output.media_ingest
    ingest.info.media_type = MEDIA_TYPE_VIDEO
    ingest.info.duration_us = 5_000_000
    ingest.traits.focus_x = 7
    ingest.filmstrip.CopyFrom(await house.storage.put(f"{spec.key_prefix}strip", b"strip"))
    ingest.filmstrip_frames = 10
    ingest.proxy.key = "t/default/proxy"
    await house.event(spec, succeeded=output)
    await house.ended(clip.job.id)
    strip = await house.client.GetFilmstrip(asset_id=clip.asset.id)
    assert (strip.image, strip.frame_count, strip.step_us) == (b"strip", 10, 500_000)
    asset = (await house.client.GetAsset(asset_id=clip.asset.id)).asset
    assert asset.has_filmstrip
    assert asset.traits.focus_x == 7
    song = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO, b"song")
    await house.finish(song.job.id)
    job = (await house.client.GenerateTimeline(project_id=project_id)).job
    (media,) = (await house.take(job.id)).timeline_build.media
    assert media.traits.focus_x == 7
    assert media.proxy.key == "t/default/proxy"
