"""The answer to a commit gets lost: the call fails, what it did is there all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from support.fault_proxy import FaultProxy
from support.public_api import upload_messages

from beatstitch.v1.asset_service_pb2 import CreateUploadRequest, UploadAssetRequest
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.quotas.limits import TenantLimits
from beatstitch_gateway.quotas.need import QuotaGuard
from beatstitch_gateway.uploads.direct import create_upload
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_gateway.uploads.rules import limits_of
from beatstitch_gateway.uploads.stream import upload


@pytest.fixture
async def unlucky(house):
    """The gateway's parts for uploads, on a database whose answers can get lost."""
    settings = house.settings.model_copy(
        update={"single_put_bytes": 1024, "part_bytes": 5 * 1024 * 1024}
    )
    url = urlsplit(settings.database_url.get_secret_value())
    async with FaultProxy(url.port) as proxy:
        user = url.netloc.rpartition("@")[0]
        through = url._replace(netloc=f"{user}@127.0.0.1:{proxy.port}")
        database = Database(urlunsplit(through), 1)
        multipart = Multipart(settings)
        yield SimpleNamespace(
            proxy=proxy,
            database=database,
            storage=house.storage,
            settings=settings,
            limits=limits_of(settings),
            multipart=multipart,
            quotas=QuotaGuard(TenantLimits(settings), settings.outbox_limit),
            project_id=await house.project(),
        )
        await database.close()
        multipart.close()


async def test_an_upload_over_the_call_is_not_lost(house, unlucky):
    request_id = new_id()

    async def file(*, lucky: bool) -> AsyncIterator[UploadAssetRequest]:
        async for message in upload_messages(
            unlucky.project_id, "a.jpg", MEDIA_TYPE_IMAGE, b"picture", request_id=request_id
        ):
            if message.HasField("chunk") and not lucky:
                unlucky.proxy.lose_reply_to = b"COMMIT"
            yield message

    with pytest.raises(BeatStitchError, match="database"):
        await upload(unlucky, "default", file(lucky=False))
    assert not unlucky.proxy.lose_reply_to
    reply = await upload(unlucky, "default", file(lucky=True))
    async with unlucky.database.transaction() as tx:
        row = await assets.get(tx, "default", reply.asset.id)
    assert await house.storage.get(row.key) == b"picture"


async def test_a_declared_upload_in_parts_can_be_made(house, unlucky):
    request = CreateUploadRequest(
        project_id=unlucky.project_id,
        filename="a.jpg",
        size_bytes=6 * 1024 * 1024,
        media_type=MEDIA_TYPE_IMAGE,
        request_id=new_id(),
    )
    begin = unlucky.multipart.begin

    async def begin_unluckily(key: str) -> str:
        unlucky.proxy.lose_reply_to = b"COMMIT"
        return await begin(key)

    unlucky.multipart.begin = begin_unluckily
    with pytest.raises(BeatStitchError, match="database"):
        await create_upload(unlucky, "default", request)
    reply = await create_upload(unlucky, "default", request)
    async with httpx.AsyncClient(trust_env=False) as http:
        for part in reply.parts:
            put = await http.put(part.url, content=bytes(part.size_bytes))
            assert put.status_code == 200, put.text
