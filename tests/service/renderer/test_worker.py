"""The renderer as a whole: jobs from the queue, pieces through storage, over real NATS and S3."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from support.renderer_room import RATE, SMALL, Room, cutting

from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    GetRendererCapabilitiesRequest,
    PlanRenderRequest,
)
from beatstitch.v1 import edl_pb2, failure_pb2, job_pb2
from beatstitch_core.canonical import edl_hash, sha256_hex
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.keys import artefact_key
from beatstitch_core.timebase import samples_at
from beatstitch_renderer.gathering import chunk_key
from beatstitch_renderer.main import build
from beatstitch_runtime.jobs.publish import publish_cancel
from beatstitch_samples import odd
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.measure import check_grid, decode_audio, find_clicks, read_codes

if TYPE_CHECKING:
    pass


async def test_a_render_from_queue_to_proof(room: Room, studio, clips, song, tmp_path):
    edl = cutting(studio, clips)
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    assert not validate_edl(edl)
    job = await room.end_of(spec)
    output, report = job.output, job.output.sync_report
    assert len(job.chunks) == len(output.manifest.chunks) > 1
    assert output.result.chunks_rendered == len(output.manifest.chunks)
    assert output.result.worst_cut_error_frames == report.worst_cut_error_frames == 0
    assert [cut.measured_frame for cut in report.cuts] == list(range(15, 360, 15))
    assert report.counted_frames == report.expected_frames == 360
    assert report.audio_samples == report.expected_audio_samples == samples_at(12_000_000, 48_000)
    assert output.manifest.edl_hash == edl_hash(edl)
    assert output.output.key == artefact_key(
        room.prefix, "out", output.output.key.split("/")[-1].removesuffix(".mp4"), ".mp4"
    )
    video = tmp_path / "got.mp4"
    await room.storage.fetch(output.output, video)
    assert (video.stat().st_size, sha256_hex(video.read_bytes())) == (
        output.manifest.size_bytes,
        output.manifest.sha256,
    )
    readings = read_codes(video)
    wanted = [(i % 3 + 1, (i % 4) * 15 + f) for i in range(24) for f in range(15)]
    assert [reading.code for reading in readings] == wanted
    assert not check_grid(readings, RATE).off_grid
    found = find_clicks(*decode_audio(video))
    assert len(found) == 24
    assert max(abs(sample - i * 24_000) for i, sample in enumerate(found)) <= 2
    stages = {stage.name for progress in job.progress for stage in progress.stages}
    assert stages == {"plan", "chunks", "audio", "assemble", "verify"}
    percents = [progress.progress_percent for progress in job.progress]
    assert percents == sorted(percents)


async def test_the_second_time_nothing_is_made(room: Room, studio, clips, song):
    edl = cutting(studio, clips)
    media = [clip.path for clip in clips]
    first = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    second = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    assert not second.chunks
    assert second.output.output == first.output.output
    assert second.output.sync_report == first.output.sync_report
    assert second.output.result.chunks_rendered == 0
    assert second.output.result.chunks_cached == len(first.output.manifest.chunks)


async def test_an_edit_makes_one_piece_anew(room: Room, studio, clips, song):
    media = [clip.path for clip in clips]
    edl = cutting(studio, clips)
    await room.end_of(await room.spec(edl, song, media, studio.profile()))
    edl.segments[11].source_in_us += 33_333
    plan = await room.engine.PlanRender(
        PlanRenderRequest(edl=edl, profile=studio.profile(), key_prefix=room.prefix)
    )
    assert len(plan.existing_chunk_hashes) == len(plan.plan.chunks) - 1
    job = await room.end_of(await room.spec(edl, song, media, studio.profile()))
    assert job.output.result.chunks_rendered == 1
    assert [chunk.cached for chunk in job.output.manifest.chunks].count(False) == 1


async def test_a_preview_goes_through_the_other_lane(room: Room, studio, clips, song):
    edl = cutting(studio, clips, segments=6)
    profile = studio.profile(name="preview", max_height=90)
    spec = await room.spec(edl, song, [clip.path for clip in clips], profile)
    spec.type, spec.lane = job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_LANE_INTERACTIVE
    made = (await room.end_of(spec)).output.manifest
    assert (made.width, made.height, made.frame_count) == (160, 90, 90)


async def test_a_broken_clip_fails_the_render_and_names_the_asset(
    room: Room, studio, clips, song, tmp_path
):
    bad = odd.truncated(tmp_path / "bad.mp4", clips[0].path, 0.7)
    shots = [
        studio.Shot(clips[0].path, 30, 0, 3_000_000),
        studio.Shot(bad, 30, 0, 3_000_000),
    ]
    edl = studio.edl(shots, RATE, SMALL)
    spec = await room.spec(edl, song, [clips[0].path, bad], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER
    assert failure.metadata["asset_id"] == "bad.mp4"
    assert "my bad.mp4" in failure.message
    assert str(tmp_path) not in str(failure)


async def test_a_broken_song_fails_the_render(room: Room, studio, clips, tmp_path):
    edl = cutting(studio, clips, segments=4)
    song = odd.random_bytes(tmp_path / "song.mp3")
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.origin == failure_pb2.FAILURE_ORIGIN_USER


async def test_an_invalid_edl_is_refused_with_all_violations(room: Room, studio, clips, song):
    edl = cutting(studio, clips, segments=4)
    edl.segments[1].timeline_in_frame += 1
    edl.segments[2].source_out_us = 0
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    failure = (await room.end_of(spec)).failure
    assert failure.reason == failure_pb2.ERROR_REASON_EDL_INVALID
    assert len(failure.violations) >= 2


async def test_cancelling_ends_the_render_and_its_children(room: Room, studio, tmp_path, song):
    clip = coded_clip(tmp_path / "big.mp4", source_id=1, frames=120, size=(1280, 720))
    edl = studio.edl([studio.Shot(clip.path, 100, 0, 4_000_000)] * 5, RATE, (1280, 720))
    spec = await room.spec(edl, song, [clip.path], studio.profile(preset="veryslow"))

    async def during(kind) -> None:
        if kind == "started":
            await asyncio.sleep(1.5)
            await publish_cancel(room.bus, spec.job_id)

    job = await room.end_of(spec, during)
    assert job.event.WhichOneof("event") == "cancelled"
    for _ in range(50):
        if room.service.worker.running == 0:
            break
        await asyncio.sleep(0.1)
    assert room.service.worker.running == 0


async def test_a_piece_lost_from_the_queue_is_queued_again(
    renderer_settings, s3_prefix, studio, clips, song, tmp_path
):
    """The messages of the first round are taken away; the render comes to its end all the same."""
    hasty = renderer_settings.model_copy(update={"chunk_republish_s": 2.0, "chunk_slots": 0})
    room = Room(hasty, s3_prefix, tmp_path)
    await room.start()
    helper = None
    try:
        edl = cutting(studio, clips)
        spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())

        async def during(kind) -> None:
            nonlocal helper
            if kind == "started" and helper is None:
                await asyncio.sleep(1.0)
                purged = await room.bus.js.purge_stream(
                    "JOBS", subject="beatstitch.job.render_chunk.batch"
                )
                assert purged
                only = renderer_settings.model_copy(update={"coordinator_slots": 0})
                helper = await build(only)
                await helper.start()

        job = await room.end_of(spec, during)
        assert job.output.result.chunks_rendered == len(job.output.manifest.chunks)
    finally:
        if helper is not None:
            await helper.stop(1.0)
        await room.stop()


async def test_a_piece_made_unheard_is_found_by_looking(
    room: Room, studio, clips, song, monkeypatch
):
    edl = cutting(studio, clips)
    monkeypatch.setattr("beatstitch_renderer.gathering.Gathering._hear", _deaf)
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    assert (await room.end_of(spec)).output.sync_report.counted_frames == 360


async def _deaf(_self, _message) -> None:
    pass


async def test_a_damaged_piece_in_storage_is_made_anew(room: Room, studio, clips, song):
    edl = cutting(studio, clips)
    request = PlanRenderRequest(edl=edl, profile=studio.profile(), key_prefix=room.prefix)
    plan = (await room.engine.PlanRender(request)).plan
    key = chunk_key(room.prefix, plan.chunks[0])
    await room.storage.put(key, b"{}\nnot a piece")
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    job = await room.end_of(spec)
    assert job.event.delivery == 2
    assert job.output.sync_report.counted_frames == 360


async def test_what_the_renderer_can_do(room: Room):
    found = await room.engine.GetRendererCapabilities(GetRendererCapabilitiesRequest())
    assert "x264 core" in found.renderer_fingerprint
    assert edl_pb2.TRANSITION_TYPE_CROSSFADE in found.transitions


async def test_a_piece_that_takes_too_long_fails_the_render(
    renderer_settings, s3_prefix, studio, tmp_path, song
):
    hurried = renderer_settings.model_copy(
        update={"chunk_timeout_s": 0.2, "max_deliver": 2, "retry_base_s": 0.1}
    )
    room = Room(hurried, s3_prefix, tmp_path)
    await room.start()
    try:
        clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=60, size=SMALL)
        edl = studio.edl([studio.Shot(clip.path, 60, 0, 2_000_000)], RATE, SMALL)
        spec = await room.spec(edl, song, [clip.path], studio.profile())
        failure = (await room.end_of(spec)).failure
        assert failure.reason == failure_pb2.ERROR_REASON_RENDER_TIMEOUT
        assert failure.origin == failure_pb2.FAILURE_ORIGIN_SYSTEM
    finally:
        await room.stop()
