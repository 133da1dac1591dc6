"""The timeline service as a whole: a job from the queue, a call, over real NATS and S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.worker_room import WorkerRoom, server_settings

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia
from beatstitch.internal.v1.timeline_engine_service_pb2 import (
    ApplyEditsRequest,
    BuildTimelineRequest,
    ValidateTimelineRequest,
)
from beatstitch.internal.v1.timeline_engine_service_pb2_grpc import TimelineEngineServiceStub
from beatstitch.v1 import common_pb2, failure_pb2, job_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import canonical_json, edl_hash, parse_json, sha256_hex
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.keys import artefact_key
from beatstitch_timeline.main import build
from beatstitch_timeline.rpc import SERVICE_NAME
from beatstitch_timeline.settings import TimelineServiceSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DETAILS = "grpc-status-details-bin"


def asset(asset_id: str, kind: common_pb2.MediaType.ValueType, duration_us: int = 0) -> ReadyMedia:
    item = ReadyMedia(asset_id=asset_id)
    item.object.sha256 = sha256_hex(asset_id.encode())
    item.info.media_type, item.info.duration_us = kind, duration_us
    item.info.width, item.info.height = 1920, 1080
    return item


SONG = asset("song", common_pb2.MEDIA_TYPE_AUDIO)
MEDIA = [
    asset("photo", common_pb2.MEDIA_TYPE_IMAGE),
    asset("clip", common_pb2.MEDIA_TYPE_VIDEO, 9_000_000),
]


def grid(beats: int = 16) -> BeatGrid:
    made = BeatGrid(schema_version="1.0", bpm=120.0, bpm_confidence=0.87, duration_us=8_000_000)
    for i in range(beats):
        made.beats.add(time_us=i * 500_000, confidence=1 / (i + 1))
    return made


class Room(WorkerRoom):
    """A running timeline service and its jobs."""

    build = staticmethod(build)
    stub = TimelineEngineServiceStub

    async def spec(self, made: BeatGrid) -> JobSpec:
        data = canonical_json(made)
        key = artefact_key(self.prefix, "grid", sha256_hex(data), ".json")
        spec = self.new_spec(job_pb2.JOB_TYPE_TIMELINE_BUILD)
        spec.timeline_build.audio.CopyFrom(SONG)
        spec.timeline_build.beat_grid.CopyFrom(await self.storage.put(key, data))
        spec.timeline_build.media.extend(MEDIA)
        spec.timeline_build.settings.beats_per_cut = 4
        return spec

    async def end_of(self, spec: JobSpec) -> JobEvent:
        """Publishes the job and returns its terminal event."""
        return await self.run(spec, timeout_s=20)


@pytest_asyncio.fixture
async def room(nats_server_fresh, s3_server, s3_prefix, tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(
        TimelineServiceSettings(
            **server_settings(nats_server_fresh, s3_server),
            work_dir=tmp_path / "work",
            fetch_s=1.0,
        ),
        s3_prefix,
    )
    await room.start()
    try:
        yield room
    finally:
        await room.stop()


async def test_a_job_becomes_a_stored_edl(room: Room):
    spec = await room.spec(grid())
    event = await room.end_of(spec)
    assert event.WhichOneof("event") == "succeeded", event
    output = event.succeeded.timeline_build
    assert output.segment_count == 4
    data = await room.storage.get(output.edl.key)
    edl = parse_json(data, Edl())
    assert output.edl.sha256 == edl_hash(edl) == sha256_hex(data)
    assert output.edl.key == artefact_key(room.prefix, "edl", edl_hash(edl), ".json")
    assert not validate_edl(edl)
    assert edl.project_id == spec.project_id
    assert edl.beat_grid_sha256 == spec.timeline_build.beat_grid.sha256


async def test_the_same_job_twice_names_the_same_edl(room: Room):
    spec = await room.spec(grid())
    first, second = await room.end_of(spec), await room.end_of(spec)
    assert first.succeeded == second.succeeded


async def test_a_job_applies_the_timelines_edits_and_tells_which_found_no_place(room: Room):
    spec = await room.spec(grid())
    first = await room.end_of(spec)
    edl = parse_json(await room.storage.get(first.succeeded.timeline_build.edl.key), Edl())
    edits = [{"replace": {"segment_index": 0, "media_asset_id": "clip"}}]
    edited = await room.engine.ApplyEdits(
        ApplyEditsRequest(
            edl=edl,
            beat_grid=grid(),
            media=[*MEDIA, SONG],
            settings=spec.timeline_build.settings,
            edits=edits,
        )
    )
    kept = spec.timeline_build.overlay.edits
    kept.extend(edited.kept)
    lost = kept.add()
    lost.CopyFrom(kept[0])
    lost.edit.replace.media_asset_id = "gone"

    output = (await room.end_of(spec)).succeeded.timeline_build
    assert output.edl.sha256 == edited.edl_hash
    assert list(output.overlay.edits) == list(edited.kept)
    assert [dropped.edit for dropped in output.dropped_edits] == [lost]


async def test_both_lanes_are_served(room: Room):
    spec = await room.spec(grid())
    spec.lane = job_pb2.JOB_LANE_INTERACTIVE
    assert (await room.end_of(spec)).WhichOneof("event") == "succeeded"


async def test_what_can_not_be_built_fails_at_once_and_blames_the_user(room: Room):
    spec = await room.spec(grid(beats=0))
    failure = (await room.end_of(spec)).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_TOO_FEW_BEATS
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert not failure.retryable

    spec = await room.spec(grid())
    spec.timeline_build.settings.beats_per_cut = 65
    spec.timeline_build.settings.output.width = 3
    failure = (await room.end_of(spec)).failed.failure
    assert {v.field for v in failure.violations} == {
        "settings.beats_per_cut",
        "settings.output.width",
    }


async def test_a_grid_that_is_gone_or_damaged_fails_the_job(room: Room):
    spec = await room.spec(grid())
    spec.timeline_build.beat_grid.key += ".gone"
    failure = (await room.end_of(spec)).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING

    spec = await room.spec(grid())
    spec.timeline_build.beat_grid.sha256 = "0" * 64
    failure = (await room.end_of(spec)).failed.failure
    assert failure.reason == failure_pb2.ERROR_REASON_INTERNAL


async def test_the_engine_builds_and_validates(room: Room):
    request = BuildTimelineRequest(
        project_id="p", audio=SONG, beat_grid=grid(), media=MEDIA, settings={"beats_per_cut": 2}
    )
    built = await room.engine.BuildTimeline(request)
    assert len(built.edl.segments) == 8
    assert built.edl_hash == edl_hash(built.edl)

    song = asset("song", common_pb2.MEDIA_TYPE_AUDIO, 8_000_000)
    valid = await room.engine.ValidateTimeline(
        ValidateTimelineRequest(edl=built.edl, media=[*MEDIA, song])
    )
    assert valid.edl_hash == built.edl_hash
    assert not valid.violations

    built.edl.segments[3].timeline_in_frame += 1
    broken = await room.engine.ValidateTimeline(ValidateTimelineRequest(edl=built.edl))
    assert not broken.edl_hash
    assert "segments[3].timeline_in_frame" in {v.field for v in broken.violations}


async def test_the_engine_refuses_with_details(room: Room):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await room.engine.BuildTimeline(BuildTimelineRequest(settings={"beats_per_cut": 99}))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert DETAILS in dict(caught.value.trailing_metadata() or ())
    assert "settings.beats_per_cut" in (caught.value.details() or "")


async def test_a_hopeless_edl_gets_a_reply_of_bounded_size(room: Room):
    edl = Edl()
    for _ in range(20_000):
        edl.segments.add()
    reply = await room.engine.ValidateTimeline(ValidateTimelineRequest(edl=edl))
    assert len(reply.violations) == 1_000


async def test_health_names_the_service(room: Room):
    health = health_pb2_grpc.HealthStub(room.channel)
    for name in ("", SERVICE_NAME):
        reply = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
