"""The engine's calls over real gRPC, as the gateway makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest
import pytest_asyncio

from beatstitch.internal.v1 import timeline_engine_service_pb2 as pb
from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.internal.v1.timeline_engine_service_pb2_grpc import (
    TimelineEngineServiceStub,
    add_TimelineEngineServiceServicer_to_server,
)
from beatstitch.v1 import analysis_service_pb2, common_pb2, edl_pb2, timeline_service_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch_core.canonical import edl_hash, sha256_hex
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_timeline.rpc import SERVICE_NAME, TimelineEngine
from beatstitch_timeline.settings import TimelineServiceSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def asset(asset_id: str, kind: common_pb2.MediaType.ValueType, duration_us: int = 0) -> ReadyMedia:
    item = ReadyMedia(asset_id=asset_id)
    item.object.sha256 = sha256_hex(asset_id.encode())
    item.info.media_type, item.info.duration_us = kind, duration_us
    item.info.width, item.info.height = 1920, 1080
    return item


SONG = asset("song", common_pb2.MEDIA_TYPE_AUDIO, 8_000_000)
MEDIA = [
    asset("photo", common_pb2.MEDIA_TYPE_IMAGE),
    asset("clip", common_pb2.MEDIA_TYPE_VIDEO, 9_000_000),
]


def built_from(**settings) -> pb.BuildTimelineRequest:
    grid = BeatGrid(schema_version="1.0", bpm=120.0, bpm_confidence=0.87, duration_us=8_000_000)
    for i in range(16):
        grid.beats.add(time_us=i * 500_000, beat_number=i % 4 + 1, is_downbeat=i % 4 == 0)
    return pb.BuildTimelineRequest(
        project_id="p", audio=SONG, beat_grid=grid, media=MEDIA, settings=settings
    )


@pytest_asyncio.fixture
async def engine(tmp_path) -> AsyncIterator[TimelineEngineServiceStub]:
    settings = TimelineServiceSettings(work_dir=tmp_path)
    servicer = TimelineEngine(settings.limits())
    add = add_TimelineEngineServiceServicer_to_server
    server = RpcServer(settings, servicers=[Servicer(add, servicer, SERVICE_NAME)])
    port = await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    try:
        yield TimelineEngineServiceStub(channel)
    finally:
        await channel.close()
        await server.stop(1.0)


def edits_of(build: pb.BuildTimelineRequest, edl: edl_pb2.Edl, *edits) -> pb.ApplyEditsRequest:
    return pb.ApplyEditsRequest(
        edl=edl,
        beat_grid=build.beat_grid,
        media=[*MEDIA, SONG],
        settings=build.settings,
        edits=edits,
    )


async def test_edits_come_back_with_hash_and_anchors_and_survive_a_new_build(engine):
    build = built_from(beats_per_cut=4)
    built = await engine.BuildTimeline(build)
    edited = await engine.ApplyEdits(
        edits_of(
            build,
            built.edl,
            {"split": {"at": {"beat_index": 2}}},
            {"replace": {"segment_index": 1, "media_asset_id": "clip", "source_in_us": 250_000}},
        )
    )
    assert edited.edl_hash == edl_hash(edited.edl)
    assert [segment.media_asset_id for segment in edited.edl.segments] == [
        "photo",
        "clip",
        "clip",
        "photo",
        "clip",
    ]
    assert [list(kept.anchor_us) for kept in edited.kept] == [[1_000_000], [1_000_000]]
    assert not validate_edl(edited.edl)

    build.overlay.CopyFrom(TimelineOverlay(edits=edited.kept))
    again = await engine.BuildTimeline(build)
    assert again.edl_hash == edited.edl_hash
    assert again.overlay == build.overlay
    assert not again.dropped_edits

    build.settings.beats_per_cut = 8
    build.overlay.edits.add().edit.delete.segment_index = 0
    other = await engine.BuildTimeline(build)
    assert [segment.media_asset_id for segment in other.edl.segments] == ["photo", "clip", "clip"]
    assert len(other.overlay.edits) == 2
    assert [dropped.edit.edit.WhichOneof("edit") for dropped in other.dropped_edits] == ["delete"]


async def test_an_impossible_edit_is_named(engine):
    build = built_from(beats_per_cut=4)
    built = await engine.BuildTimeline(build)
    good, bad = {"delete": {"segment_index": 3}}, {"delete": {"segment_index": 3}}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await engine.ApplyEdits(edits_of(build, built.edl, good, bad))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "edits[1].delete" in (caught.value.details() or "")
    assert "segments 0 to 2" in (caught.value.details() or "")
    for edits in ([], [good] * 1001):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await engine.ApplyEdits(edits_of(build, built.edl, *edits))
        assert "must be 1 to 1000 edits" in (caught.value.details() or "")


async def test_two_timelines_are_held_against_each_other(engine):
    before, after = built_from(beats_per_cut=4), built_from(beats_per_cut=2)
    one, other = await engine.BuildTimeline(before), await engine.BuildTimeline(after)
    reply = await engine.DiffTimelines(
        pb.DiffTimelinesRequest(
            before=one.edl,
            after=other.edl,
            settings_before=before.settings,
            settings_after=after.settings,
        )
    )
    assert list(reply.diff.settings) == ["beats_per_cut"]
    assert len(reply.diff.segments) == 8
    assert 0 < reply.diff.changed_frames <= 240


async def test_a_timeline_is_brought_into_another_shape(engine):
    built = await engine.BuildTimeline(built_from(beats_per_cut=4))
    wanted = edl_pb2.OutputFormat(width=1080, height=1920)
    reply = await engine.RetargetTimeline(
        pb.RetargetTimelineRequest(
            edl=built.edl, output=wanted, max_duration_us=5_000_000, media=MEDIA
        )
    )
    assert reply.edl_hash == edl_hash(reply.edl) != built.edl_hash
    assert (reply.edl.output.width, reply.edl.output.height) == (1080, 1920)
    assert reply.edl.audio.duration_us == 4_000_000
    assert not validate_edl(reply.edl, {item.asset_id: item for item in [*MEDIA, SONG]})


async def test_a_cut_is_explained(engine):
    build = built_from(beats_per_cut=4)
    built = await engine.BuildTimeline(build)
    reply = await engine.ExplainCut(
        pb.ExplainCutRequest(build=build, edl=built.edl, segment_index=2)
    )
    assert reply.explanation.segment == built.edl.segments[2]
    assert reply.explanation.beat.time_us == 4_000_000


async def test_timelines_and_grids_become_files(engine):
    build = built_from(beats_per_cut=4)
    built = await engine.BuildTimeline(build)
    reply = await engine.ExportTimeline(
        pb.ExportTimelineRequest(
            edl=built.edl,
            beat_grid=build.beat_grid,
            media=[*MEDIA, SONG],
            format=timeline_service_pb2.EXPORT_FORMAT_OTIO,
            title="holiday",
        )
    )
    assert reply.file.filename.startswith("holiday")
    assert len(json.loads(reply.file.content)["tracks"]["children"]) >= 2
    reply = await engine.ExportBeatGrid(
        pb.ExportBeatGridRequest(
            beat_grid=build.beat_grid, format=analysis_service_pb2.BEAT_GRID_FORMAT_CSV
        )
    )
    assert len(reply.file.content.splitlines()) == 17


async def test_what_is_allowed_and_perhaps_not_meant_is_warned_of(engine):
    build = built_from(beats_per_cut=4)
    built = await engine.BuildTimeline(build)
    built.edl.segments[1].source_out_us = built.edl.segments[1].source_in_us + 500_000
    reply = await engine.ValidateTimeline(pb.ValidateTimelineRequest(edl=built.edl))
    assert reply.edl_hash == edl_hash(built.edl)
    assert not reply.violations
    assert [warning.field for warning in reply.warnings] == ["segments[1].source_out_us"]


async def test_an_edl_without_segments_is_refused(engine):
    build = built_from(beats_per_cut=4)
    empty = edl_pb2.Edl()
    for call in (
        engine.ApplyEdits(edits_of(build, empty, {"delete": {"segment_index": 0}})),
        engine.RetargetTimeline(pb.RetargetTimelineRequest(edl=empty)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "edl.segments" in (caught.value.details() or "")
