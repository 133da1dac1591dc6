"""A video's bytes over the call, in ranges, and over signed links with HTTP ranges."""

from __future__ import annotations

import pytest
from support.played_work import hashed
from support.signed_links import get

VIDEO = bytes(range(256)) * 2300  # two chunks and a bit


async def fetched(house, **fields: object) -> tuple[bytes, list]:
    replies = [reply async for reply in house.client.DownloadOutput(**fields)]
    return b"".join(reply.chunk for reply in replies), replies


async def test_ranges(house):
    project_id, _song, _pictures = await house.ready()
    made = await house.render(project_id, await house.timeline(project_id), VIDEO)
    render = {"render_id": made.render.id}
    total = len(VIDEO)
    for offset, limit in ((0, 0), (1, 0), (0, 1), (300_000, 1), (5, 262_144), (7, 300_000)):
        data, replies = await fetched(house, **render, offset_bytes=offset, limit_bytes=limit)
        assert data == VIDEO[offset : offset + limit if limit else None]
        assert replies[0].total_bytes == total
        assert replies[0].sha256 == hashed(VIDEO)
        assert not any(reply.total_bytes or reply.sha256 for reply in replies[1:])
        assert all(len(reply.chunk) <= 256 * 1024 for reply in replies)
    data, _ = await fetched(house, **render, offset_bytes=total - 3, limit_bytes=10**12)
    assert data == VIDEO[-3:]
    data, replies = await fetched(house, **render, offset_bytes=total)
    assert not data
    assert replies[0].total_bytes == total
    for field, value in (("offset_bytes", total + 1), ("offset_bytes", -1), ("limit_bytes", -1)):
        call = house.client.DownloadOutput(**render, **{field: value})
        error = await house.client.refused(call, "FIELD_INVALID")
        assert error.violations[0].field == field

    link = await house.client.CreateOutputDownloadLink(**render)
    assert await get(link.url, Range="bytes=1000-1999") == VIDEO[1000:2000]
    assert await get(link.url, Range=f"bytes={total - 10}-") == VIDEO[-10:]
    assert await get(link.url) == VIDEO


@pytest.mark.parametrize("name", ["DownloadOutput", "CreateOutputDownloadLink"])
async def test_what_was_never_made(house, name):
    project_id, _song, _pictures = await house.ready()
    edl_hash = await house.timeline(project_id)
    made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
    call = getattr(house.client, name)(render_id=made.render.id)
    await house.client.refused(call, "OUTPUT_NOT_AVAILABLE")
    restoring = await house.client.RestoreOutput(render_id=made.render.id)
    assert restoring.job.id == made.job.id
