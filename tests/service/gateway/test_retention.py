"""The bucket's cleaning on real PostgreSQL and S3, with seconds in the place of days."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from google.protobuf.duration_pb2 import Duration
from support.public_api import outcome
from support.signed_links import get
from support.waiting import until

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1 import asset_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch.v1.tenant_pb2 import RetentionPolicy, Tenant
from beatstitch_core.ids import new_id
from beatstitch_core.keys import artefact_key, proof_key
from beatstitch_gateway.db.tables import uploads
from beatstitch_gateway.db.transaction import Database

SECONDS = {
    "s3_touch_after_s": 0.0,
    "retention_interval_s": 0.0,
    "retention_safety_s": 1.0,
    "retention_temporary_s": 600.0,
}
# S3 servers tell whole seconds.
OLD_S = 2.5


class Room:
    """A house with a tenant of its own, and an operator."""

    def __init__(self, house, tenant: str, operator) -> None:
        self.house, self.tenant, self.operator = house, tenant, operator
        self.client, self.storage = house.client, house.storage
        self.prefix = f"t/{tenant}/"

    async def keep(self, **times: float) -> None:
        """Sets the tenant's retention in seconds."""
        sizes = {k: v for k, v in times.items() if k.endswith("bytes")}
        policy = RetentionPolicy(**sizes)
        for name in times.keys() - sizes.keys():
            whole = int(times[name])
            given = Duration(seconds=whole, nanos=int((times[name] - whole) * 1e9))
            getattr(policy, name).CopyFrom(given)
        tenant = Tenant(id=self.tenant, retention=policy)
        await self.operator.UpdateTenant(tenant=tenant, update_mask={"paths": ["retention"]})

    async def clean(self, **fields: object) -> dict[str, list[str]]:
        """What went, by reason: keys below the tenant's prefix, or ids."""
        reply = await self.operator.Cleanup(tenant_id=self.tenant, **fields)
        self.kept_for_jobs = reply.kept_for_jobs
        found = {}
        for total in reply.totals:
            assert total.count == len(total.examples)
            name = admin.CleanupReason.Name(total.reason).removeprefix("CLEANUP_REASON_")
            found[name] = sorted(item.removeprefix(self.prefix) for item in total.examples)
        return found

    async def keys(self) -> set[str]:
        return {item.key async for item in self.storage.inventory(self.prefix)}

    async def kinds(self) -> list[str]:
        return sorted(key.removeprefix(self.prefix).split("/")[0] for key in await self.keys())

    async def rendered(self) -> tuple[str, str]:
        """Ids of a project and of a finished render in it."""
        project_id, _song, _pictures = await self.house.ready()
        edl_hash = await self.house.timeline(project_id)
        made = await self.house.render(project_id, edl_hash)
        return project_id, made.render.id


@pytest.fixture
def open_room(open_house):
    @asynccontextmanager
    async def opened(**options: object):
        async with open_house(**{**SECONDS, **options}) as house:
            operator, tenant = house.client, f"r{secrets.token_hex(6)}"
            house.client = await house.new_tenant(tenant)
            yield Room(house, tenant, operator)

    return opened


async def test_nothing_goes_before_its_time_and_a_dry_run_removes_nothing(open_room):
    async with open_room() as room:
        _project, render_id = await room.rendered()
        await asyncio.sleep(OLD_S)
        before = await room.keys()
        assert await room.clean() == {}
        assert await room.keys() == before
        await room.keep(finals=0)
        told = await room.clean(dry_run=True)
        assert list(told) == ["FINAL_EXPIRED"]
        assert await room.keys() == before
        await outcome(room.client.DownloadOutput(render_id=render_id))
        only = await room.clean(dry_run=True, reasons=[admin.CLEANUP_REASON_DELETED])
        assert only == {}
        assert await room.clean() == told
        assert before - await room.keys() == {room.prefix + told["FINAL_EXPIRED"][0]}
        assert await room.clean() == {}


async def test_an_expired_output_says_so_and_is_made_again(open_room):
    async with open_room() as room:
        _project, render_id = await room.rendered()
        client, house = room.client, room.house
        found = (await client.GetRender(render_id=render_id)).render
        assert found.expire_time.ToSeconds() - found.create_time.ToSeconds() > 6 * 24 * 3600
        there = await client.RestoreOutput(render_id=render_id)
        assert there.job.id == found.job_id
        await room.keep(finals=0)
        await asyncio.sleep(OLD_S)
        assert list(await room.clean()) == ["FINAL_EXPIRED"]
        gone = (await client.GetRender(render_id=render_id)).render
        assert gone.expired
        assert gone.manifest == found.manifest
        (listed,) = (await client.ListRenders(project_id=found.project_id)).renders
        assert listed.expired
        assert listed.expire_time == gone.expire_time
        for call in (
            client.DownloadOutput(render_id=render_id),
            client.CreateOutputDownloadLink(render_id=render_id),
        ):
            error = await client.refused(call, "OUTPUT_EXPIRED")
            assert error.metadata["expire_time"] == gone.expire_time.ToJsonString()

        await room.keep(finals=600)
        request_id = new_id()
        made = await client.RestoreOutput(render_id=render_id, request_id=request_id)
        assert made.render.id == render_id
        assert made.job.id == made.render.job_id != found.job_id
        assert made.job.type == job_pb2.JOB_TYPE_RENDER_FINAL
        again = await client.RestoreOutput(render_id=render_id, request_id=request_id)
        assert again.job.id == made.job.id
        twin = await client.RestoreOutput(render_id=render_id)
        assert twin.job.id == made.job.id
        await house.finish(made.job.id)
        back = (await client.GetRender(render_id=render_id)).render
        assert not back.expired
        assert back.expire_time.ToSeconds() > gone.expire_time.ToSeconds()
        link = await client.CreateOutputDownloadLink(render_id=render_id)
        assert await get(link.url) == b"video"
        other = await house.new_tenant("other")
        await other.refused(other.RestoreOutput(render_id=render_id), "RENDER_NOT_FOUND")


async def test_an_output_whose_picture_was_deleted_can_not_be_made_again(open_room):
    async with open_room() as room:
        project_id, render_id = await room.rendered()
        await room.keep(finals=0)
        await asyncio.sleep(OLD_S)
        await room.clean()
        picture = (await room.client.ListAssets(project_id=project_id)).assets[0]
        await room.client.DeleteAsset(asset_id=picture.id)
        call = room.client.RestoreOutput(render_id=render_id)
        error = await room.client.refused(call, "OBJECT_MISSING")
        assert error.metadata == {"asset_id": picture.id}


async def test_a_deleted_project_leaves_nothing(open_room):
    async with open_room() as room:
        project_id, _render = await room.rendered()
        await room.client.DeleteProject(project_id=project_id)
        await asyncio.sleep(OLD_S)
        found = await room.clean()
        assert list(found) == ["DELETED"]
        assert await room.keys() == set()


async def test_what_two_assets_share_goes_with_the_last(open_room):
    async with open_room() as room:
        project_id = await room.house.project()
        shared = artefact_key(room.prefix, "thumb", "5" * 64, ".jpg")
        ids = []
        for name in ("a.jpg", "b.jpg"):
            made = await room.house.upload(project_id, name, MEDIA_TYPE_IMAGE, b"same")
            spec = await room.house.begin(made.job.id)
            output = await room.house.output(spec)
            output.media_ingest.thumbnail.CopyFrom(await room.storage.put(shared, b"thumb"))
            await room.house.event(spec, succeeded=output)
            await room.house.ended(made.job.id)
            ids.append(made.asset.id)
        await room.client.DeleteAsset(asset_id=ids[0])
        await asyncio.sleep(OLD_S)
        found = await room.clean()
        assert shared in await room.keys()
        assert shared.removeprefix(room.prefix) not in found["DELETED"]
        await room.client.DeleteAsset(asset_id=ids[1])
        assert shared.removeprefix(room.prefix) in (await room.clean())["DELETED"]
        assert await room.keys() == set()


async def test_orphans_both_ways(open_room):
    async with open_room() as room:
        project_id, render_id = await room.rendered()
        orphan = f"{room.prefix}in/{new_id()}"
        await room.storage.put(orphan, b"nobody's")
        picture = (await room.client.ListAssets(project_id=project_id)).assets[0]
        careful = await room.house.replica(retention_safety_s=1000.0)
        await asyncio.sleep(OLD_S)
        assert not (await careful.Cleanup(tenant_id=room.tenant)).totals  # too young
        output = next(key for key in await room.keys() if "/out/" in key)
        await room.storage.delete([output, f"{room.prefix}in/{picture.id}"])
        found = await room.clean()
        assert found == {
            "ORPHAN_OBJECT": [orphan.removeprefix(room.prefix)],
            "ORPHAN_ROW": sorted([render_id, f"in/{picture.id}"]),
        }
        assert (await room.client.GetRender(render_id=render_id)).render.expired
        lost = (await room.client.GetAsset(asset_id=picture.id)).asset
        assert lost.state == asset_pb2.ASSET_STATE_FAILED
        assert lost.failure.message
        assert await room.clean() == {}


async def test_uploads_that_nobody_completes(open_room):
    async with open_room(single_put_bytes=1, part_bytes=5 << 20) as room:
        project_id = await room.house.project()
        fields = {"project_id": project_id, "media_type": MEDIA_TYPE_IMAGE, "filename": "a.jpg"}
        made = await room.client.CreateUpload(size_bytes=6 << 20, **fields)
        await asyncio.sleep(OLD_S)
        assert await room.clean() == {}
        await room.keep(temporary=0)
        assert await room.clean() == {}  # its links still work
        await end_links(room)
        assert await room.clean() == {"TEMPORARY": [f"in/{made.asset.id}"]}
        await room.client.refused(room.client.GetAsset(asset_id=made.asset.id), "ASSET_NOT_FOUND")
        assert await room.clean() == {}


async def test_what_an_open_job_needs_stays(open_room):
    async with open_room() as room:
        project_id, _song, pictures = await room.house.ready()
        edl_hash = await room.house.timeline(project_id)
        made = await room.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
        spec = await room.house.begin(made.job.id)
        chunk = artefact_key(room.prefix, "chunk", "c" * 64, ".bsp")
        proof = proof_key(room.prefix, "v" * 64, edl_hash)
        for key in (chunk, proof):
            await room.storage.put(key, b"bytes")
        await room.keep(finals=0, chunks=600, max_chunk_bytes=1)
        await asyncio.sleep(OLD_S)
        assert await room.clean() == {}
        assert room.kept_for_jobs == 2
        keys = await room.keys()
        assert {spec.render.edl.key, spec.render.media[0].object.key, chunk, proof} <= keys
        assert pictures
        await room.house.event(spec, succeeded=await room.house.output(spec))
        await room.house.ended(made.job.id)
        await asyncio.sleep(OLD_S)
        found = await room.clean()
        assert spec.render.edl.key.removeprefix(room.prefix) not in found.get("DELETED", [])
        assert found["CHUNK_OVER_SIZE"] == [chunk.removeprefix(room.prefix)]


async def test_what_the_cache_takes_is_as_the_last_cleaning_left_it(open_room):
    async with open_room() as room:
        await room.rendered()

        async def used():
            own = (await room.client.GetCaller()).usage
            assert own == (await room.operator.GetTenant(tenant_id=room.tenant)).usage
            return own

        async def lying() -> int:
            objects = [item async for item in room.storage.inventory(room.prefix)]
            kinds = {*sizes, "probe"}
            return sum(o.size_bytes for o in objects if o.key.split("/")[2] in kinds)

        before = await used()
        assert (before.cache_bytes, before.HasField("cache_time")) == (0, False)
        sizes = {"chunk": 1000, "audio": 200, "strip": 30, "proxy": 4}
        for kind, size in sizes.items():
            await room.storage.put(artefact_key(room.prefix, kind, "c" * 64, ".x"), b"x" * size)
        found = await lying()
        assert found >= 1234
        await room.clean(dry_run=True)
        assert await used() == before
        await room.clean()
        first = await used()
        # On a busy machine the strip and the proxy may be old enough to go by now.
        assert (first.cache_bytes, first.stored_bytes) == (await lying(), before.stored_bytes)
        assert first.cache_bytes >= found - sizes["strip"] - sizes["proxy"]

        await asyncio.sleep(OLD_S)
        await room.keep(max_chunk_bytes=1)
        assert "CHUNK_OVER_SIZE" in await room.clean()
        second = await used()
        assert second.cache_bytes == await lying() <= found - sizes["chunk"]
        assert second.cache_time.ToNanoseconds() > first.cache_time.ToNanoseconds()


async def test_only_operators_clean_and_only_tenants_that_exist(open_room):
    async with open_room() as room:
        await room.client.refused(room.client.Cleanup(), "PERMISSION_DENIED")
        call = room.operator.Cleanup
        await room.operator.refused(call(tenant_id="nobody-here"), "TENANT_NOT_FOUND")
        await room.operator.refused(call(reasons=[0]), "FIELD_INVALID")
        await room.operator.refused(call(reasons=[77]), "FIELD_INVALID")


async def test_the_gateway_cleans_by_itself(open_room):
    async with open_room() as room:
        _project, render_id = await room.rendered()
        await room.keep(finals=0)
        await room.house.replica(retention_interval_s=0.2)

        async def expired() -> bool:
            return (await room.client.GetRender(render_id=render_id)).render.expired

        await until(expired)


async def test_the_command(open_room):
    async with open_room() as room:
        await room.rendered()
        await room.keep(finals=0)
        await asyncio.sleep(OLD_S)
        before = await room.keys()
        told, done = [await command(room, *more) for more in (["--dry-run"], [])]
        assert told == done
        assert told["totals"][0]["reason"] == "CLEANUP_REASON_FINAL_EXPIRED"
        assert len(before - await room.keys()) == 1


async def end_links(room: Room) -> None:
    database = Database(room.house.settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.transaction() as tx:
            await tx.execute(sa.update(uploads).values(expire_time=sa.func.now()))
    finally:
        await database.close()


async def command(room: Room, *more: str) -> dict:
    settings = room.house.settings
    names = ("s3_endpoint", "s3_bucket", "s3_region", "retention_safety_s", "s3_touch_after_s")
    hidden = ("s3_access_key", "s3_secret_key", "database_url")
    env = {
        **os.environ,
        **{f"BEATSTITCH_{name.upper()}": str(getattr(settings, name)) for name in names},
        **{
            f"BEATSTITCH_{name.upper()}": getattr(settings, name).get_secret_value()
            for name in hidden
        },
    }
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "beatstitch_gateway.cleanup", "--tenant", room.tenant, *more],
        env=env,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate()
    assert child.returncode == 0
    return json.loads(out)
