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
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.info_service_pb2 import AnalyzerInfo
from beatstitch.v1.waveform_pb2 import Waveform


class Engine(
    analyzer_grpc.AnalyzerEngineServiceServicer,
    timeline_grpc.TimelineEngineServiceServicer,
    renderer_grpc.RendererEngineServiceServicer,
):
    """All three engines; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked = []

    async def GetWaveform(self, request, context):
        self.asked.append(request)
        return analyzer.GetWaveformResponse(waveform=Waveform(start_us=request.start_us))

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
            renderer_fingerprint="f", transitions=[1, 2]
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
