"""Previews through queue and storage: made of proxies where these are, finals never."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.renderer_room import SMALL, Job, Room, cutting

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    PlanRenderRequest,
)
from beatstitch.v1 import common_pb2, job_pb2
from beatstitch_core.ids import new_id
from beatstitch_renderer.main import build
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.measure import read_codes

if TYPE_CHECKING:
    from pathlib import Path


async def with_proxies(room: Room, spec: JobSpec, clips, folder: Path) -> set[str]:
    """Gives clips 1 and 2 proxies that say so, 101 and 102; clip 3's is not in storage any more."""
    keys = set()
    for clip, item in zip(clips, spec.render.media, strict=True):
        number = 100 + clip.source_id
        copy = coded_clip(folder / f"p{number}.mp4", source_id=number, frames=90, size=SMALL)
        item.proxy.CopyFrom((await room.upload(copy.path, common_pb2.MEDIA_TYPE_VIDEO)).object)
        if number == 103:
            await room.storage.delete([item.proxy.key])
        keys.add(item.proxy.key)
    return keys


def as_preview(spec: JobSpec) -> JobSpec:
    spec.type, spec.lane = job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_LANE_INTERACTIVE
    spec.render.profile.name = "preview"
    return spec


async def sources_of(room: Room, job: Job, folder: Path) -> list[tuple[int, int]]:
    await room.storage.fetch(job.output.output, folder / f"{job.event.job_id}.mp4")
    return [reading.code for reading in read_codes(folder / f"{job.event.job_id}.mp4")]


def half_seconds(sources: list[int]) -> list[tuple[int, int]]:
    return [(sources[i % 3], (i % 4) * 15 + f) for i in range(24) for f in range(15)]


async def test_a_preview_is_made_of_proxies_and_a_final_never(
    room: Room, studio, clips, song, tmp_path
):
    edl = cutting(studio, clips)
    media = [clip.path for clip in clips]
    final = await room.spec(edl, song, media, studio.profile())
    await with_proxies(room, final, clips, tmp_path)
    made = {}
    for spec in (as_preview(JobSpec.FromString(final.SerializeToString())), final):
        spec.job_id, profile = new_id(), spec.render.profile
        plan = await room.engine.PlanRender(
            PlanRenderRequest(
                edl=edl, profile=profile, key_prefix=room.prefix, media=spec.render.media
            )
        )
        assert not plan.existing_chunk_hashes
        job = await room.end_of(spec)
        hashes = [chunk.chunk_hash for chunk in job.output.manifest.chunks]
        assert hashes == [chunk.chunk_hash for chunk in plan.plan.chunks]
        made[profile.name] = await sources_of(room, job, tmp_path)
    assert made == {"preview": half_seconds([101, 102, 3]), "final": half_seconds([1, 2, 3])}


async def test_a_preview_whose_proxies_go_while_it_is_made_takes_the_originals(
    renderer_settings, s3_prefix, studio, clips, song, tmp_path
):
    room = Room(renderer_settings.model_copy(update={"chunk_slots": 0}), s3_prefix, tmp_path)
    await room.start()
    helper = None
    try:
        edl = cutting(studio, clips)
        media = [clip.path for clip in clips]
        spec = as_preview(await room.spec(edl, song, media, studio.profile()))
        proxies = await with_proxies(room, spec, clips, tmp_path)

        async def during(kind) -> None:
            nonlocal helper
            if kind == "started" and helper is None:
                await until_pieces_are_queued(room)
                await room.storage.delete(proxies)
                only = renderer_settings.model_copy(update={"coordinator_slots": 0})
                helper = await build(only)
                await helper.start()

        job = await room.end_of(spec, during)
        assert job.event.delivery == 2
        assert await sources_of(room, job, tmp_path) == half_seconds([1, 2, 3])
    finally:
        if helper is not None:
            await helper.stop(1.0)
        await room.stop()


@pytest.mark.parametrize("by_checksum", [False, True])
async def test_a_preview_whose_proxy_is_damaged_takes_the_original(
    room: Room, studio, clips, song, tmp_path, by_checksum
):
    """In storage, or as it was made: either way the preview is there, and the proxy isn't."""
    edl = cutting(studio, clips)
    spec = as_preview(await room.spec(edl, song, [clip.path for clip in clips], studio.profile()))
    await with_proxies(room, spec, clips, tmp_path)
    bad = spec.render.media[0].proxy
    junk = b"\0\0\0\x18ftypmp42" + bytes(500)
    stored = await room.storage.put(bad.key, junk)
    if not by_checksum:
        bad.sha256 = stored.sha256
    job = await room.end_of(spec)
    assert job.event.delivery == 2
    assert await sources_of(room, job, tmp_path) == half_seconds([1, 102, 3])
    assert not await room.storage.exists(bad.key)


async def until_pieces_are_queued(room: Room) -> None:
    subject = "beatstitch.job.render_chunk.interactive"
    for _ in range(200):
        found = await room.bus.js.stream_info("JOBS", subjects_filter=subject)
        if (found.state.subjects or {}).get(subject):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no piece was queued")
