"""Keys, tenants, request ids, etags: what holds for every call."""

from __future__ import annotations

import asyncio

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.public_api import outcome

from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import api_keys
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.keys import ApiKey


async def test_no_call_without_a_key(house):
    for key in ("", "nonsense", "bsk_0000_1111", house.key[:-1] + "x"):
        client = house.with_key(key)
        await house.client.refused(client.ListProjects(), "UNAUTHENTICATED")
        await house.client.refused(client.WatchJob(job_id=new_id()), "UNAUTHENTICATED")
    other_way = house.with_key("")
    other_way.metadata = (("x-api-key", house.key),)
    await other_way.ListProjects()


async def test_some_calls_are_open(house):
    info = await house.with_key("").GetServerInfo()
    assert info.version
    assert info.limits.max_media_per_project == 500
    assert [profile.name for profile in info.profiles][:2] == ["preview", "final"]
    assert info.renderer_fingerprint == ""
    stub = health_pb2_grpc.HealthStub(house.channels[0])
    for name in ("", "liveness", "beatstitch.v1.StitchService"):
        reply = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_revoked_key_ends(open_house):
    async with open_house(key_cache_s=0.1) as house:
        await house.client.ListProjects()
        database = Database(house.settings.database_url.get_secret_value(), 1)
        async with database.transaction() as tx:
            key = ApiKey.parse(house.key)
            assert key is not None
            assert await api_keys.revoke(tx, key.key_id)
        await database.close()
        await asyncio.sleep(0.2)
        await house.client.refused(house.client.ListProjects(), "UNAUTHENTICATED")


async def test_same_request_same_reply(house, messages):
    client = house.client
    first = await client.CreateProject(
        display_name="a", labels={"x": "1", "y": "2"}, request_id="r"
    )
    again = await client.CreateProject(
        display_name="a", labels={"y": "2", "x": "1"}, request_id="r"
    )
    assert again == first
    error = await client.refused(
        client.CreateProject(display_name="b", request_id="r"), "REQUEST_ID_REUSED"
    )
    assert error.metadata == {"request_id": "r"}
    await client.refused(
        client.DeleteProject(project_id=first.project.id, request_id="r"), "REQUEST_ID_REUSED"
    )
    stranger = await house.new_tenant("stranger")
    other = await stranger.CreateProject(display_name="a", labels={"x": "1"}, request_id="r")
    assert other.project.id != first.project.id
    for bad in ("r" * 129, "nul\x00"):
        await client.refused(
            client.CreateProject(display_name="a", request_id=bad), "FIELD_INVALID"
        )
    # A call that failed may be repeated with the same id.
    project_id = first.project.id
    generate = {"project_id": project_id, "request_id": "g"}
    await client.refused(client.GenerateTimeline(**generate), "NO_READY_AUDIO")
    song = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO, b"song")
    await house.finish(song.job.id)
    picture = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    await house.finish(picture.job.id)
    job = (await client.GenerateTimeline(**generate)).job
    assert (await client.GenerateTimeline(**generate)).job.id == job.id

    upload = (project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    one = await client.UploadAsset(messages(*upload, b"same", request_id="u"))
    two = await client.UploadAsset(messages(*upload, b"same", request_id="u"))
    assert one == two
    await client.refused(
        client.UploadAsset(messages(*upload, b"other", request_id="u")), "REQUEST_ID_REUSED"
    )
    declared = {"filename": "q", "size_bytes": 3, "media_type": MEDIA_TYPE_IMAGE}
    calls = [
        client.CreateUpload(project_id=project_id, request_id="c", **declared) for _ in range(2)
    ]
    left, right = [await call for call in calls]
    assert left == right


async def test_the_trace_goes_along(house):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client = house.with_key(house.key)
    client.metadata = (*client.metadata, ("traceparent", trace))
    _project_id, song_id, _pictures = await house.ready(0)
    job = (await client.AnalyzeAudio(asset_id=song_id)).job
    assert (await house.take(job.id)).traceparent == trace


async def test_twins_make_one(house):
    calls = [house.client.CreateProject(display_name="a", request_id="same") for _ in range(8)]
    ids = {reply.project.id for reply in await asyncio.gather(*calls)}
    assert len(ids) == 1
    assert len((await house.client.ListProjects()).projects) == 1


async def test_twins_of_a_large_upload_make_one(open_house):
    mib = 1024 * 1024
    async with open_house(single_put_bytes=mib, part_bytes=5 * mib) as house:
        project_id = await house.project()
        declared = {"filename": "q", "size_bytes": 12 * mib, "media_type": MEDIA_TYPE_IMAGE}
        calls = [
            house.client.CreateUpload(project_id=project_id, request_id="c", **declared)
            for _ in range(4)
        ]
        ids = {reply.asset.id for reply in await asyncio.gather(*calls)}
        assert len(ids) == 1
        assert len((await house.client.ListAssets(project_id=project_id)).assets) == 1


async def test_projects(house):
    client = house.client
    error = await client.refused(
        client.CreateProject(display_name=" ", labels={"": "x" * 256}), "FIELD_INVALID"
    )
    assert [v.field for v in error.violations] == ["display_name", "labels[]", "labels[]"]
    project = (await client.CreateProject(display_name="a", labels={"k": "v"})).project
    changed = (
        await client.UpdateProject(
            project={"id": project.id, "display_name": "b", "etag": project.etag},
            update_mask={"paths": ["display_name"]},
        )
    ).project
    assert changed.display_name == "b"
    assert dict(changed.labels) == {"k": "v"}
    assert changed.etag != project.etag
    assert (await client.GetProject(project_id=project.id)).project == changed
    error = await client.refused(
        client.UpdateProject(
            project={"id": project.id, "display_name": "c", "etag": project.etag},
            update_mask={"paths": ["display_name"]},
        ),
        "ETAG_MISMATCH",
    )
    assert error.metadata == {"provided": project.etag, "current": changed.etag}
    cleared = await client.UpdateProject(
        project={"id": project.id}, update_mask={"paths": ["labels"]}
    )
    assert not cleared.project.labels
    for paths in ([], ["etag"], ["display_name", "x"]):
        await client.refused(
            client.UpdateProject(
                project={"id": project.id, "display_name": "x"}, update_mask={"paths": paths}
            ),
            "FIELD_INVALID",
        )
    newer = (await client.CreateProject(display_name="n")).project
    page = await client.ListProjects(page_size=1)
    assert [p.id for p in page.projects] == [newer.id]
    page = await client.ListProjects(page_size=1, page_token=page.next_page_token)
    assert [p.id for p in page.projects] == [project.id]


async def test_engines_that_are_away(house):
    project_id, song_id, _pictures = await house.ready(1)
    edl_hash = await house.timeline(project_id)
    timeline = (await house.client.GetTimeline(project_id=project_id)).timeline
    for call, name in (
        (house.client.ValidateTimeline(edl=timeline.edl), "timeline"),
        (house.client.PlanRender(project_id=project_id, edl_hash=edl_hash), "renderer"),
        (house.client.GetWaveform(asset_id=song_id), "analyzer"),
    ):
        error = await house.client.refused(call, "DEPENDENCY_DOWN")
        assert error.metadata["dependency"] == name
    await house.client.refused(house.client.ValidateTimeline(), "FIELD_INVALID")
    error = await house.client.refused(
        house.client.GetWaveform(asset_id=song_id, start_us=-1, end_us=-1, buckets=20_001),
        "FIELD_INVALID",
    )
    assert [v.field for v in error.violations] == ["start_us", "end_us", "buckets"]


async def test_every_method_is_offered(house):
    codes = {}
    for name in house.client.methods:
        call = getattr(house.client, name)
        try:
            # Followed without a name, the stream has no end.
            named = {"job_ids": [new_id()]} if name == "WatchJobs" else {}
            await outcome(call(iter(())) if name == "UploadAsset" else call(**named))
        except grpc.aio.AioRpcError as error:
            codes[name] = error.code()
    assert grpc.StatusCode.UNIMPLEMENTED not in codes.values(), codes
    assert grpc.StatusCode.INTERNAL not in codes.values(), codes
