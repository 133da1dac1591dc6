"""Objects that lie in other buckets, on a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from contextlib import asynccontextmanager

import boto3
import pytest
from botocore.config import Config

from beatstitch.v1 import asset_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id

BUCKET = "drop-zone"


@pytest.fixture
def put_foreign(s3_server):
    """Puts an object into the other bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        region_name=s3_server.region,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    try:
        client.create_bucket(Bucket=BUCKET)
    except client.exceptions.BucketAlreadyExists:
        pass
    except client.exceptions.BucketAlreadyOwnedByYou:
        pass
    yield lambda key, data: client.put_object(Bucket=BUCKET, Key=key, Body=data)
    client.close()


@pytest.fixture
def open_importer(open_house):
    @asynccontextmanager
    async def opened(**options: object):
        sources = f"s3://{BUCKET}/shared, s3://{BUCKET}/of/{{tenant}}/in/"
        async with open_house(import_sources=sources, **options) as house:
            yield house

    return opened


def uri(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


@pytest.mark.parametrize("far", [False, True], ids=["the-storage-copies", "streamed"])
async def test_an_object_becomes_an_asset(open_importer, put_foreign, s3_server, far):
    data = secrets.token_bytes(9 * 1024 * 1024 + 1)
    key = f"shared/{new_id()}/a song.mp3"
    await asyncio.to_thread(put_foreign, key, data)
    options = {"import_endpoint": s3_server.endpoint} if far else {}
    async with open_importer(**options) as house:
        project_id = await house.project()
        request = {
            "project_id": project_id,
            "uri": uri(key),
            "media_type": MEDIA_TYPE_AUDIO,
            "sha256": hashlib.sha256(data).hexdigest(),
            "request_id": new_id(),
        }
        made = await house.client.ImportAsset(**request)
        assert made.asset.filename == "a song.mp3"
        assert made.asset.size_bytes == len(data)
        assert made.asset.state == asset_pb2.ASSET_STATE_PROCESSING
        assert made.job.type == job_pb2.JOB_TYPE_BEAT_ANALYSIS
        again = await house.client.ImportAsset(**request)
        assert again.asset.id == made.asset.id
        twins = await asyncio.gather(
            *(house.client.ImportAsset(**{**request, "request_id": "twin"}) for _ in range(3))
        )
        assert len({reply.asset.id for reply in twins}) == 1
        spec = await house.take(made.job.id)
        assert spec.beat_analysis.audio.sha256 == hashlib.sha256(data).hexdigest()
        assert await house.storage.get(spec.beat_analysis.audio.key) == data
        inputs = {item.key async for item in house.storage.inventory("t/default/in/")}
        listed = (await house.client.ListAssets(project_id=project_id)).assets
        assert len(listed) == 2
        assert {f"t/default/in/{asset.id}" for asset in listed} <= inputs


async def test_what_may_not_be_read(open_importer, put_foreign):
    for key in ("secret/a.jpg", "of/other/in/a.jpg", "shared-not/a.jpg", "of/{tenant}/in/a.jpg"):
        await asyncio.to_thread(put_foreign, key, b"secret")
    async with open_importer() as house:
        project_id = await house.project()

        async def refused(address: str, reason: str) -> None:
            call = house.client.ImportAsset(
                project_id=project_id, uri=address, media_type=MEDIA_TYPE_IMAGE
            )
            await house.client.refused(call, reason)

        for key in (
            "secret/a.jpg",
            "secret/none.jpg",  # not told whether it is there
            "of/other/in/a.jpg",
            "of/{tenant}/in/a.jpg",
            "shared-not/a.jpg",
            "shared%2f..%2fsecret/a.jpg",
        ):
            await refused(uri(key), "IMPORT_NOT_ALLOWED")
        await refused("s3://another-bucket/shared/a.jpg", "IMPORT_NOT_ALLOWED")
        for address in (
            uri("shared/../secret/a.jpg"),
            uri("shared/./a.jpg"),
            uri("shared//a.jpg"),
            uri("/shared/a.jpg"),
            uri("shared/"),
            uri("shared/..\\a.jpg"),
            uri("shared/a\n.jpg"),
            uri(""),
            f"s3://{BUCKET}",
            "s3:///shared/a.jpg",
            "https://example.com/shared/a.jpg",
            "/etc/passwd",
            "",
        ):
            await refused(address, "FIELD_INVALID")
        await refused(uri("shared/none.jpg"), "IMPORT_NOT_FOUND")


async def test_a_tenants_own_folder(open_importer, put_foreign):
    await asyncio.to_thread(put_foreign, "of/default/in/a.jpg", b"mine")
    async with open_importer() as house:
        project_id = await house.project()
        call = house.client.ImportAsset
        request = {"uri": uri("of/default/in/a.jpg"), "media_type": MEDIA_TYPE_IMAGE}
        made = await call(project_id=project_id, filename="b.jpg", **request)
        assert made.asset.filename == "b.jpg"
        other = await house.new_tenant("other")
        theirs = (await other.CreateProject(display_name="x")).project.id
        refused = other.ImportAsset(project_id=theirs, **request)
        await other.refused(refused, "IMPORT_NOT_ALLOWED")
        await other.refused(
            other.ImportAsset(project_id=project_id, uri=uri("shared/a.jpg"), media_type=1),
            "PROJECT_NOT_FOUND",
        )


async def test_nobody_reads_other_tenants_objects_in_our_own_bucket(open_house, s3_server):
    async with open_house(import_sources=f"s3://{s3_server.bucket}") as house:
        await house.storage.put("t/other/in/a", b"theirs")
        await house.storage.put("shared/a.jpg", b"all's")
        project_id = await house.project()
        fields = {"project_id": project_id, "media_type": MEDIA_TYPE_IMAGE}
        call = house.client.ImportAsset(uri=f"s3://{s3_server.bucket}/t/other/in/a", **fields)
        await house.client.refused(call, "IMPORT_NOT_ALLOWED")
        made = await house.client.ImportAsset(uri=f"s3://{s3_server.bucket}/shared/a.jpg", **fields)
        assert made.asset.size_bytes == 5


async def test_size_is_asked_before_anything_is_copied(open_importer, put_foreign):
    await asyncio.to_thread(put_foreign, "shared/large.jpg", bytes(3000))
    await asyncio.to_thread(put_foreign, "shared/empty.jpg", b"")
    async with open_importer(max_image_bytes=2000) as house:
        project_id = await house.project()
        before = {item.key async for item in house.storage.inventory("t/default/in/")}
        for name, reason in (("large", "INPUT_TOO_LARGE"), ("empty", "IMPORT_NOT_FOUND")):
            call = house.client.ImportAsset(
                project_id=project_id, uri=uri(f"shared/{name}.jpg"), media_type=MEDIA_TYPE_IMAGE
            )
            await house.client.refused(call, reason)
        assert {item.key async for item in house.storage.inventory("t/default/in/")} == before
        assert not (await house.client.ListAssets(project_id=project_id)).assets
