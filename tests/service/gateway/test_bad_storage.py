"""A bucket that is cut off or busy: callers are told so, and what they do is possible again."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from support.fault_proxy import FaultProxy, Weather
from support.public_api import upload_messages

from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE, MEDIA_TYPE_VIDEO


@pytest.mark.parametrize("weather", [Weather.CUT, Weather.BUSY])
async def test_callers_are_told_that_storage_is_away(house, weather):
    project_id, _song, (picture,) = await house.ready()
    made = await house.render(project_id, await house.timeline(project_id))
    single = await house.client.CreateUpload(
        project_id=project_id, filename="b.jpg", media_type=MEDIA_TYPE_IMAGE, size_bytes=4
    )
    async with FaultProxy(urlsplit(house.settings.s3_endpoint).port) as proxy:
        client = await house.replica(s3_endpoint=f"http://127.0.0.1:{proxy.port}")

        def calls():
            return {
                "thumbnail": client.GetThumbnail(asset_id=picture),
                "download": client.DownloadOutput(render_id=made.render.id),
                "complete": client.CompleteUpload(asset_id=single.asset.id),
                "parts": client.CreateUpload(
                    project_id=project_id,
                    filename="c.mp4",
                    media_type=MEDIA_TYPE_VIDEO,
                    size_bytes=200 * 1024 * 1024,
                ),
                "upload": client.UploadAsset(
                    upload_messages(project_id, "d.jpg", MEDIA_TYPE_IMAGE, b"picture")
                ),
            }

        proxy.change(weather)
        errors = await asyncio.gather(
            *(house.client.refused(call, "DEPENDENCY_DOWN") for call in calls().values())
        )
        assert {error.metadata.get("dependency") for error in errors} == {"storage"}
        proxy.change(Weather.FAIR)
        assert (await calls()["thumbnail"]).image == b"thumbnail"
        assert (await calls()["upload"]).asset.size_bytes == len(b"picture")
