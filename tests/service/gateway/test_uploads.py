"""Bytes on their way in: one PUT, several parts, over the call."""

from __future__ import annotations

import asyncio
import urllib.error

import pytest
from support.signed_links import get, put
from support.waiting import until

from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.asset_service_pb2 import CompletedPart
from beatstitch.v1.common_pb2 import (
    MEDIA_TYPE_AUDIO,
    MEDIA_TYPE_IMAGE,
    MEDIA_TYPE_VIDEO,
)
from beatstitch_core.canonical import sha256_hex

MIB = 1024 * 1024


async def create(house, project_id: str, size: int, **fields):
    fields = {"media_type": MEDIA_TYPE_IMAGE, "filename": "p.jpg", **fields}
    return await house.client.CreateUpload(project_id=project_id, size_bytes=size, **fields)


async def test_one_put(house):
    project_id = await house.project()
    made = await create(house, project_id, 5, filename="../../etc/p\u202e.jpg")
    assert made.asset.filename == "p.jpg"
    assert made.asset.state == asset_pb2.ASSET_STATE_UPLOADING
    (part,) = made.parts
    await put(part.url, b"hello")
    done = await house.client.CompleteUpload(asset_id=made.asset.id)
    assert done.asset.state == asset_pb2.ASSET_STATE_PROCESSING
    assert done.job.type == job_pb2.JOB_TYPE_THUMBNAIL_GEN
    assert done.asset.ingest_job_id == done.job.id
    again = await house.client.CompleteUpload(asset_id=made.asset.id)
    assert again.job.id == done.job.id
    spec = await house.take(done.job.id)
    assert await house.storage.get(spec.media_ingest.media.key) == b"hello"
    link = await house.client.CreateAssetDownloadLink(asset_id=made.asset.id)
    assert await get(link.url) == b"hello"


async def test_a_declared_checksum_reaches_the_worker(house):
    project_id = await house.project()
    made = await create(house, project_id, 5, sha256=sha256_hex(b"other"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        await put(made.parts[0].url, b"hello")
    refused.value.close()
    assert refused.value.code == 400
    await put(made.parts[0].url, b"other")
    done = await house.client.CompleteUpload(asset_id=made.asset.id)
    spec = await house.take(done.job.id)
    assert spec.media_ingest.media.sha256 == sha256_hex(b"other")


async def test_nothing_or_too_little_came(house):
    project_id = await house.project()
    made = await create(house, project_id, 5)
    call = house.client.CompleteUpload
    await house.client.refused(call(asset_id=made.asset.id), "UPLOAD_MISMATCH")
    with pytest.raises(urllib.error.HTTPError) as refused:
        await put(made.parts[0].url, b"hell")
    refused.value.close()
    assert refused.value.code == 403
    # By a storage that doesn't hold a link to its bytes.
    await house.storage.put(f"t/default/in/{made.asset.id}", b"hell")
    error = await house.client.refused(call(asset_id=made.asset.id), "UPLOAD_MISMATCH")
    assert error.metadata == {"declared": "5", "received": "4"}
    await put(made.parts[0].url, b"hello")
    await call(asset_id=made.asset.id)


async def test_parts(open_house):
    async with open_house(single_put_bytes=MIB, part_bytes=5 * MIB) as house:
        project_id = await house.project()
        data = bytes(range(256)) * (11 * MIB // 256) + b"end"
        made = await create(house, project_id, len(data), media_type=MEDIA_TYPE_VIDEO)
        assert [part.part_number for part in made.parts] == [1, 2, 3]
        etags = []
        for part in made.parts:
            piece = data[part.offset_bytes : part.offset_bytes + part.size_bytes]
            etags.append(
                CompletedPart(part_number=part.part_number, etag=await put(part.url, piece))
            )
        call = house.client.CompleteUpload
        error = await house.client.refused(
            call(asset_id=made.asset.id, parts=etags[:2]), "FIELD_INVALID"
        )
        assert error.violations[0].field == "parts"
        wrong = [*etags[:2], CompletedPart(part_number=3, etag="0" * 32)]
        await house.client.refused(call(asset_id=made.asset.id, parts=wrong), "UPLOAD_MISMATCH")
        done = await call(asset_id=made.asset.id, parts=etags[::-1])
        spec = await house.take(done.job.id)
        stored = await house.storage.get(spec.media_ingest.media.key)
        assert sha256_hex(stored) == sha256_hex(data)


async def test_over_the_call(house, messages):
    project_id = await house.project()
    data = b"sound" * 100_000
    reply = await house.client.UploadAsset(
        messages(project_id, "s.mp3", MEDIA_TYPE_AUDIO, data, sha256=sha256_hex(data))
    )
    assert reply.job.type == job_pb2.JOB_TYPE_BEAT_ANALYSIS
    assert reply.job.lane == job_pb2.JOB_LANE_INTERACTIVE
    assert reply.asset.size_bytes == len(data)
    spec = await house.take(reply.job.id)
    assert spec.beat_analysis.audio.sha256 == sha256_hex(data)
    assert await house.storage.get(spec.beat_analysis.audio.key) == data


async def test_over_the_call_refused(open_house, messages, s3_server):
    async with open_house(max_image_bytes=300_000) as house:
        project_id = await house.project()
        upload = house.client.UploadAsset
        await house.client.refused(
            upload(messages(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"x" * 300_001)),
            "INPUT_TOO_LARGE",
        )
        await house.client.refused(
            upload(messages(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"x", sha256="0" * 64)),
            "UPLOAD_MISMATCH",
        )
        await house.client.refused(
            upload(messages(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"")), "FIELD_INVALID"
        )
        error = await house.client.refused(
            upload(messages(project_id, "", 9, b"x", sha256="x")), "FIELD_INVALID"
        )
        assert [v.field for v in error.violations] == [
            "header.filename",
            "header.media_type",
            "header.sha256",
        ]

        async def no_header():
            async for message in messages(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"x"):
                if message.HasField("chunk"):
                    yield message

        await house.client.refused(upload(no_header()), "FIELD_INVALID")
        assert not (await house.client.ListAssets(project_id=project_id)).assets


async def test_what_is_declared_is_checked(house):
    project_id = await house.project()
    error = await house.client.refused(
        house.client.CreateUpload(project_id=project_id, sha256="xyz"), "FIELD_INVALID"
    )
    fields = [v.field for v in error.violations]
    assert fields == ["filename", "media_type", "sha256", "size_bytes"]
    await house.client.refused(create(house, project_id, 50_000_001), "INPUT_TOO_LARGE")
    await create(house, project_id, 50_000_001, media_type=MEDIA_TYPE_VIDEO)


async def test_a_project_holds_so_many(open_house):
    async with open_house(max_media_per_project=2) as house:
        project_id = await house.project()
        for _ in range(2):
            await create(house, project_id, 1)
        await house.client.refused(create(house, project_id, 1), "QUOTA_EXCEEDED")
        await create(house, project_id, 1, media_type=MEDIA_TYPE_AUDIO)


async def test_order_and_reorder(house):
    project_id = await house.project()
    song = await create(house, project_id, 1, media_type=MEDIA_TYPE_AUDIO)
    made = await asyncio.gather(*(create(house, project_id, 1) for _ in range(4)))
    listed = (await house.client.ListAssets(project_id=project_id)).assets
    assert [asset.position for asset in listed[:4]] == [0, 1, 2, 3]
    assert listed[4].id == song.asset.id
    wanted = [reply.asset.id for reply in reversed(made)]
    reorder = house.client.ReorderAssets
    await reorder(project_id=project_id, asset_ids=wanted)
    pages, token = [], ""
    while True:
        page = await house.client.ListAssets(project_id=project_id, page_size=2, page_token=token)
        pages += [asset.id for asset in page.assets]
        token = page.next_page_token
        if not token:
            break
    assert pages == [*wanted, song.asset.id]
    await house.client.refused(
        reorder(project_id=project_id, asset_ids=wanted[:3]), "FIELD_INVALID"
    )
    await house.client.refused(
        reorder(project_id=project_id, asset_ids=[*wanted, song.asset.id]), "ASSET_NOT_FOUND"
    )


async def test_deleted_bytes_are_gone(house):
    project_id = await house.project()
    reply = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    key = f"t/default/in/{reply.asset.id}"
    assert await house.storage.exists(key)
    await house.client.DeleteAsset(asset_id=reply.asset.id)
    await house.client.refused(house.client.GetAsset(asset_id=reply.asset.id), "ASSET_NOT_FOUND")
    job = await house.job(reply.job.id)
    assert job.state == job_pb2.JOB_STATE_CANCELLED

    async def gone() -> bool:
        return not await house.storage.exists(key) and await house.queued() == 0

    await until(gone)


async def test_deleted_projects_take_everything_along(house):
    project_id = await house.project()
    reply = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    await house.client.DeleteProject(project_id=project_id)
    for call, reason in (
        (house.client.GetProject(project_id=project_id), "PROJECT_NOT_FOUND"),
        (house.client.GetAsset(asset_id=reply.asset.id), "ASSET_NOT_FOUND"),
        (house.client.GetJob(job_id=reply.job.id), "JOB_NOT_FOUND"),
    ):
        await house.client.refused(call, reason)

    async def gone() -> bool:
        there = await house.storage.exists(f"t/default/in/{reply.asset.id}")
        return not there and await house.queued() == 0

    await until(gone)


async def test_a_failed_ingest_fails_the_asset_and_retry_reopens_it(house):
    project_id = await house.project()
    reply = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    await house.fail(reply.job.id, failure_pb2.ERROR_REASON_INPUT_CORRUPT, "damaged")
    asset = (await house.client.GetAsset(asset_id=reply.asset.id)).asset
    assert asset.state == asset_pb2.ASSET_STATE_FAILED
    assert asset.failure.message == "damaged"
    job = (await house.client.RetryJob(job_id=reply.job.id)).job
    assert job.retry_of == reply.job.id
    asset = (await house.client.GetAsset(asset_id=reply.asset.id)).asset
    assert asset.state == asset_pb2.ASSET_STATE_PROCESSING
    await house.finish(job.id)
    asset = (await house.client.GetAsset(asset_id=reply.asset.id)).asset
    assert asset.state == asset_pb2.ASSET_STATE_READY
    assert not asset.HasField("failure")
