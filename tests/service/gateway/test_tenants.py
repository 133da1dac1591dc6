"""Keys, tenants and the audit log, on the wire."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta

import pytest
from support.public_api import upload_messages
from support.waiting import until

from beatstitch.v1 import tenant_pb2
from beatstitch_client import AsyncClient
from beatstitch_client.cli import keys, tenants
from beatstitch_client.cli.exits import UsageError
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import audit, tables
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.identity import late

VIEWER, EDITOR = tenant_pb2.ROLE_VIEWER, tenant_pb2.ROLE_EDITOR
OWNER, OPERATOR = tenant_pb2.ROLE_OWNER, tenant_pb2.ROLE_OPERATOR


@pytest.fixture
def database_of():
    """The gateway's database: `async with database_of(house) as tx`."""

    class Opened:
        def __init__(self, house) -> None:
            self.database = Database(house.settings.database_url.get_secret_value(), 1)

        async def __aenter__(self):
            self.block = self.database.transaction()
            return await self.block.__aenter__()

        async def __aexit__(self, *error):
            await self.block.__aexit__(*error)
            await self.database.close()

    return Opened


async def test_a_caller_learns_who_it_is(house):
    caller = await house.client.GetCaller()
    assert (caller.tenant.id, caller.role) == ("default", OPERATOR)
    assert caller.principal == f"key:{house.key.split('_')[1]}"
    assert caller.tenant.quotas.max_jobs_in_flight == house.settings.tenant_jobs_in_flight
    assert not caller.project_ids
    viewer = await house.new_tenant("default", VIEWER)
    project_id = await house.project()
    await house.upload(project_id, "a.jpg", 2)
    caller = await viewer.GetCaller()
    assert caller.role == VIEWER
    assert (caller.usage.assets, caller.usage.stored_bytes) == (1, 3)


async def test_a_key_is_made_used_and_ended(house):
    owner = await house.new_tenant("default", OWNER)
    made = await owner.CreateApiKey(role=EDITOR, display_name="CI", request_id="one")
    assert made.secret.startswith(f"bsk_{made.api_key.id}_")
    assert (made.api_key.tenant_id, made.api_key.role) == ("default", EDITOR)
    assert not made.api_key.HasField("expire_time")
    assert not made.api_key.HasField("last_used_time")
    again = await owner.CreateApiKey(role=EDITOR, display_name="CI", request_id="one")
    assert again.api_key == made.api_key
    assert not again.secret

    client = house.with_key(made.secret)
    await client.CreateProject(display_name="by CI")
    listed = [key for key in (await owner.ListApiKeys()).api_keys if key.id == made.api_key.id]
    assert [key.display_name for key in listed] == ["CI"]

    ended = (await owner.RevokeApiKey(api_key_id=made.api_key.id)).api_key
    assert ended.HasField("revoke_time")
    # On the replica that was told at once, although the key was known there.
    await house.client.refused(client.ListProjects(), "UNAUTHENTICATED")
    assert (await owner.RevokeApiKey(api_key_id=made.api_key.id)).api_key == ended


async def test_no_secret_is_kept(house, database_of):
    made = await house.client.CreateApiKey(role=VIEWER, request_id="kept")
    secret = made.secret.split("_")[2]
    async with database_of(house) as tx:
        for table in tables.metadata.sorted_tables:
            for row in await tx.execute(table.select()):
                assert secret not in str(row._asdict())
                assert not any(
                    secret.encode() in value for value in row if isinstance(value, bytes)
                )


async def test_a_revoked_key_ends_on_every_replica_and_in_open_streams(open_house):
    async with open_house(key_cache_s=0.3) as house:
        other = await house.replica()
        project_id = await house.project()
        upload = await house.upload(project_id, "a.jpg", 2)
        made = await house.client.CreateApiKey(role=VIEWER)
        stream = type(other)(house.channels[1], made.secret).WatchJob(job_id=upload.job.id)
        await anext(aiter(stream))
        elsewhere = type(other)(house.channels[1], made.secret)
        await elsewhere.ListProjects()
        await house.client.RevokeApiKey(api_key_id=made.api_key.id)
        await asyncio.sleep(0.4)
        await house.client.refused(elsewhere.ListProjects(), "UNAUTHENTICATED")
        await house.begin(upload.job.id)  # there is news, but not for everybody
        await house.client.refused(stream, "UNAUTHENTICATED")


async def test_a_key_expires(open_house, database_of):
    async with open_house(key_cache_s=30.0) as house:
        made = await house.client.CreateApiKey(role=VIEWER, lifetime={"seconds": 60})
        lived = (
            made.api_key.expire_time.ToMicroseconds() - made.api_key.create_time.ToMicroseconds()
        )
        assert lived == 60_000_000
        async with database_of(house) as tx:
            await tx.execute(
                tables.api_keys.update()
                .where(tables.api_keys.c.id == made.api_key.id)
                .values(expire_time=tables.sa.func.now() + tables.sa.text("interval '0.5 s'"))
            )
        client = house.with_key(made.secret)
        await client.ListProjects()
        await asyncio.sleep(0.6)
        # Although the cache would have known it for longer.
        await house.client.refused(client.ListProjects(), "UNAUTHENTICATED")


async def test_a_key_is_replaced_with_an_overlap(house):
    owner = await house.new_tenant("default", OWNER)
    project_id = await house.project()
    made = await owner.CreateApiKey(
        role=EDITOR, display_name="CI", project_ids=[project_id], lifetime={"seconds": 3600}
    )
    new = await owner.RotateApiKey(api_key_id=made.api_key.id, request_id="r")
    assert new.api_key.rotated_from == made.api_key.id
    assert (new.api_key.role, list(new.api_key.project_ids)) == (EDITOR, [project_id])
    assert new.api_key.display_name == "CI"
    lived = new.api_key.expire_time.ToMicroseconds() - new.api_key.create_time.ToMicroseconds()
    assert lived == 3_600_000_000
    repeated = await owner.RotateApiKey(api_key_id=made.api_key.id, request_id="r")
    assert repeated.api_key == new.api_key
    assert not repeated.secret
    for secret in (made.secret, new.secret):
        await house.with_key(secret).ListProjects()
    error = await owner.refused(owner.RotateApiKey(api_key_id=made.api_key.id), "FIELD_INVALID")
    assert new.api_key.id in error.message

    newest = await owner.RotateApiKey(api_key_id=new.api_key.id, overlap={})
    await owner.refused(house.with_key(new.secret).ListProjects(), "UNAUTHENTICATED")
    await house.with_key(newest.secret).ListProjects()
    await owner.refused(owner.RotateApiKey(api_key_id=new.api_key.id), "API_KEY_NOT_FOUND")


async def test_nobody_makes_a_key_that_may_more_than_they(house):
    owner = await house.new_tenant("default", OWNER)
    operators = house.key.split("_")[1]
    for call in (
        owner.CreateApiKey(role=OPERATOR),
        owner.RotateApiKey(api_key_id=operators),
        owner.RevokeApiKey(api_key_id=operators),
    ):
        error = await owner.refused(call, "PERMISSION_DENIED")
        assert error.metadata == {"role": "owner", "needed_role": "operator"}
    await house.client.ListProjects()
    await house.client.CreateApiKey(role=OPERATOR)


async def test_what_a_key_can_be(house):
    client = house.client
    project_id = await house.project()
    for fields, field in (
        ({}, "role"),
        ({"role": 9}, "role"),
        ({"role": VIEWER, "display_name": "x" * 201}, "display_name"),
        ({"role": VIEWER, "display_name": "\0"}, "display_name"),
        ({"role": VIEWER, "lifetime": {"seconds": 59}}, "lifetime"),
        ({"role": VIEWER, "lifetime": {"seconds": 300_000_000_000}}, "lifetime"),
        ({"role": VIEWER, "project_ids": [project_id] * 101}, "project_ids"),
        ({"role": OPERATOR, "project_ids": [project_id]}, "project_ids"),
        ({"role": VIEWER, "request_id": "x" * 129}, "request_id"),
    ):
        error = await client.refused(client.CreateApiKey(**fields), "FIELD_INVALID")
        assert [item.field for item in error.violations] == [field]
    await client.refused(
        client.CreateApiKey(role=VIEWER, project_ids=[new_id()]), "PROJECT_NOT_FOUND"
    )
    key_id = house.key.split("_")[1]
    await client.refused(
        client.RotateApiKey(api_key_id=key_id, overlap={"seconds": 31 * 86400}), "FIELD_INVALID"
    )
    for key_id in ("", "x", "0" * 16, "\0"):
        await client.refused(client.RotateApiKey(api_key_id=key_id), "API_KEY_NOT_FOUND")
        await client.refused(client.RevokeApiKey(api_key_id=key_id), "API_KEY_NOT_FOUND")


async def test_keys_are_listed_in_pages(house):
    owner = await house.new_tenant("paged", OWNER)
    made = [(await owner.CreateApiKey(role=VIEWER)).api_key.id for _ in range(4)]
    found, token = [], ""
    while True:
        page = await owner.ListApiKeys(page_size=2, page_token=token)
        found += [key.id for key in page.api_keys]
        token = page.next_page_token
        if not token:
            break
    assert found[:4] == made[::-1]
    assert len(found) == 5
    await owner.refused(owner.ListApiKeys(page_token="bm9uZQ"), "FIELD_INVALID")


async def test_the_last_use_is_noted(house):
    made = await house.client.CreateApiKey(role=VIEWER)
    await house.with_key(made.secret).ListProjects()

    async def noted() -> bool:
        found = (await house.client.ListApiKeys()).api_keys
        return next(key for key in found if key.id == made.api_key.id).HasField("last_used_time")

    await until(noted)


async def test_an_operator_keeps_tenants(house):
    client = house.client
    tenant = {
        "id": "acme",
        "display_name": "Acme",
        "suspended": True,  # not taken
        "quotas": {"max_assets": 5},
        "retention": {"finals": {"seconds": 86400}},
    }
    made = (await client.CreateTenant(tenant=tenant, request_id="c")).tenant
    assert (made.id, made.suspended, made.quotas.max_assets) == ("acme", False, 5)
    assert (await client.CreateTenant(tenant=tenant, request_id="c")).tenant == made
    await client.refused(client.CreateTenant(tenant=tenant), "TENANT_EXISTS")
    got = await client.GetTenant(tenant_id="acme")
    assert got.tenant == made
    assert got.usage.assets == 0
    await client.refused(client.GetTenant(tenant_id="none"), "TENANT_NOT_FOUND")

    key = await client.CreateApiKey(tenant_id="acme", role=OWNER)
    acme = house.with_key(key.secret)
    caller = await acme.GetCaller()
    assert (caller.tenant.id, caller.tenant.quotas.max_assets) == ("acme", 5)
    assert [item.id for item in (await client.ListApiKeys(tenant_id="acme")).api_keys] == [
        key.api_key.id
    ]

    changed = await client.UpdateTenant(
        tenant={"id": "acme", "display_name": "no", "quotas": {"max_assets": 7}},
        update_mask={"paths": ["quotas.max_assets"]},
        etag=made.etag,
    )
    assert (changed.tenant.display_name, changed.tenant.quotas.max_assets) == ("Acme", 7)
    assert changed.tenant.retention == made.retention
    assert (await acme.GetCaller()).tenant.quotas.max_assets == 7
    await client.refused(
        client.UpdateTenant(tenant={"id": "acme"}, etag=made.etag), "ETAG_MISMATCH"
    )
    emptied = (await client.UpdateTenant(tenant={"id": "acme"})).tenant
    assert not emptied.display_name
    assert not emptied.HasField("quotas")
    assert not emptied.HasField("retention")

    ids = [item.id for item in (await client.ListTenants()).tenants]
    assert ids == ["acme", "default"]
    page = await client.ListTenants(page_size=1)
    page = await client.ListTenants(page_size=1, page_token=page.next_page_token)
    assert [item.id for item in page.tenants] == ["default"]
    assert page.tenants[0].HasField("create_time")


async def test_what_a_tenant_can_be(house):
    client = house.client
    for tenant, fields in (
        ({"id": "No"}, ["tenant.id"]),
        ({"id": "-no"}, ["tenant.id"]),
        ({"id": "n" * 64}, ["tenant.id"]),
        ({"id": "a", "display_name": "x" * 201}, ["tenant.display_name"]),
        (
            {"id": "a", "quotas": {"max_assets": -2, "max_open_jobs": -3}},
            ["tenant.quotas.max_assets", "tenant.quotas.max_open_jobs"],
        ),
        (
            {"id": "a", "quotas": {"rate_limits": [{"per_minute": 1}]}},
            ["tenant.quotas.rate_limits[0].category"],
        ),
        ({"id": "a", "retention": {"max_chunk_bytes": -2}}, ["tenant.retention.max_chunk_bytes"]),
        (
            {"id": "a", "retention": {"finals": {"seconds": 1, "nanos": -1}}},
            ["tenant.retention.finals"],
        ),
    ):
        error = await client.refused(client.CreateTenant(tenant=tenant), "FIELD_INVALID")
        assert [item.field for item in error.violations] == fields
    await client.refused(
        client.UpdateTenant(tenant={"id": "default"}, update_mask={"paths": ["id"]}),
        "FIELD_INVALID",
    )


async def test_a_suspended_tenant_is_refused_and_let_go_on(house):
    client = house.client
    project_id = (
        await (acme := await house.new_tenant("acme")).CreateProject(display_name="x")
    ).project.id
    suspend = {"update_mask": {"paths": ["suspended"]}}
    await client.UpdateTenant(tenant={"id": "acme", "suspended": True}, **suspend)
    for call in (
        acme.GetProject(project_id=project_id),
        acme.GetCaller(),
        acme.CreateApiKey(role=VIEWER),
        acme.WatchJob(job_id=new_id()),
    ):
        error = await client.refused(call, "TENANT_SUSPENDED")
        assert error.metadata == {"tenant_id": "acme"}
    await acme.GetServerInfo()
    await client.UpdateTenant(tenant={"id": "acme"}, **suspend)
    await acme.GetProject(project_id=project_id)
    # An operator can't lock everybody out.
    await client.UpdateTenant(tenant={"id": "default", "suspended": True}, **suspend)
    await client.refused(client.ListProjects(), "TENANT_SUSPENDED")
    await client.UpdateTenant(tenant={"id": "default"}, **suspend)
    await client.ListProjects()


async def test_what_was_done_and_tried_is_kept(house):
    owner = await house.new_tenant("acme")
    viewer = await house.new_tenant("acme", VIEWER)
    project_id = (await owner.CreateProject(display_name="x")).project.id
    await owner.GetProject(project_id=project_id)  # a read
    await owner.refused(viewer.DeleteProject(project_id=project_id), "PERMISSION_DENIED")
    await owner.refused(owner.DeleteProject(project_id="none"), "PROJECT_NOT_FOUND")
    upload = await owner.UploadAsset(upload_messages(project_id, "a.jpg", 2, b"abc"))
    await owner.DeleteAsset(asset_id=upload.asset.id)

    async def all_there() -> bool:
        return len((await owner.ListAuditEvents()).events) == 5

    await until(all_there)
    events = (await owner.ListAuditEvents()).events
    assert [
        (item.method.rpartition("/")[2], item.resource, item.code, item.reason) for item in events
    ] == [
        ("DeleteAsset", f"asset/{upload.asset.id}", "OK", ""),
        ("UploadAsset", f"job/{upload.job.id}", "OK", ""),
        ("DeleteProject", "project/none", "NOT_FOUND", "PROJECT_NOT_FOUND"),
        ("DeleteProject", f"project/{project_id}", "PERMISSION_DENIED", "PERMISSION_DENIED"),
        ("CreateProject", f"project/{project_id}", "OK", ""),
    ]
    assert {item.tenant_id for item in events} == {"acme"}
    assert {item.peer for item in events} == {"127.0.0.1"}
    assert all(item.request_id for item in events)
    assert len({item.principal for item in events}) == 2

    first = await owner.ListAuditEvents(page_size=3)
    rest = await owner.ListAuditEvents(page_size=3, page_token=first.next_page_token)
    assert [*first.events, *rest.events] == list(events)
    refused = events[3]
    mine = await owner.ListAuditEvents(principal=refused.principal)
    assert list(mine.events) == [refused]
    since = await owner.ListAuditEvents(start_time=refused.time)
    assert {item.id for item in since.events} >= {item.id for item in events[:4]}
    before = await owner.ListAuditEvents(end_time=events[-1].time)
    assert not before.events
    assert list((await house.client.ListAuditEvents(tenant_id="acme")).events) == list(events)
    await owner.refused(owner.ListAuditEvents(tenant_id="default"), "TENANT_NOT_FOUND")
    await owner.refused(owner.ListAuditEvents(start_time={"seconds": 10**15}), "FIELD_INVALID")


async def test_a_drain_loses_no_event_and_the_old_ones_go(open_house, database_of):
    async with open_house() as house:
        project_id = await house.project()
        old = tenant_pb2.AuditEvent(id=audit.first_id(10**15), tenant_id="default")
        async with database_of(house) as tx:
            await audit.insert(tx, [old])
        await house.services[0].stop(0.5)
        house.services.clear()
        async with database_of(house) as tx:
            kept = await audit.page(tx, "default", 10, None)
        assert f"project/{project_id}" in [item.resource for item in kept]

        await house.replica()  # cleans up when it starts

        async def gone() -> bool:
            async with database_of(house) as tx:
                return old.id not in {item.id for item in await audit.page(tx, "default", 10, None)}

        await until(gone)


@pytest.fixture
def printed(capsys):
    """What a command prints, in this process: one of its own takes seconds to start."""

    async def run(house, key: str, command, *arguments: object, **options: object) -> str:
        capsys.readouterr()
        address = f"127.0.0.1:{house.services[0].port}"
        await command.__wrapped__(*arguments, server=address, api_key=key, **options)
        return capsys.readouterr().out

    return run


async def test_people_and_programs_keep_keys_and_tenants(house, printed):
    line = await printed(house, house.key, tenants.create, "acme", max_assets=9)
    assert line.startswith("acme ")
    text = await printed(house, house.key, keys.create, "first", role="owner", tenant="acme")
    secret = text.rpartition("secret: ")[2].strip()
    text = await printed(house, secret, keys.whoami)
    assert text.splitlines()[0].endswith("owner of acme")
    assert "assets   0 of 9" in text
    assert "cache    not counted yet" in text
    await house.client.Cleanup(tenant_id="acme")
    text = await printed(house, house.key, tenants.get, "acme")
    assert text.startswith("acme ")
    assert "assets   0 of 9\njobs     0 of the installation's default at once" in text
    assert re.search(r"cache    0 bytes at 20\d\d-", text)
    told = json.loads(await printed(house, house.key, tenants.get, "acme", as_json=True))
    assert told["tenant"]["id"] == "acme"
    assert "cache_time" in told["usage"]

    async with AsyncClient(f"127.0.0.1:{house.services[0].port}", secret) as client:
        key, text = await client.create_api_key(
            VIEWER, "CI", lifetime=timedelta(hours=1), request_id="mine"
        )
        assert text
        assert (
            await client.create_api_key(
                VIEWER, "CI", lifetime=timedelta(hours=1), request_id="mine"
            )
        ) == (key, "")
        new, text = await client.rotate_api_key(key.id, overlap=timedelta(0))
        assert text
        assert new.rotated_from == key.id
        assert {item.id for item in await client.list_api_keys()} >= {key.id, new.id}
        assert (await client.revoke_api_key(new.id)).HasField("revoke_time")
        assert (await client.caller()).tenant.id == "acme"

        async def kept() -> bool:
            return len(await client.list_audit_events()) >= 4

        await until(kept)
        events = await client.list_audit_events(limit=1)
        assert [item.resource for item in events] == [f"api_key/{new.id}"]
    text = await printed(house, secret, keys.audit)
    assert f"TenantService/RevokeApiKey  api_key/{new.id}  OK" in text
    assert "revoked" in await printed(house, secret, keys.list_keys)
    assert "suspended" in await printed(house, house.key, tenants.suspend, "acme")
    with pytest.raises(BeatStitchError, match="suspended"):
        await printed(house, secret, keys.whoami)
    await printed(house, house.key, tenants.suspend, "acme", undo=True)
    line = await printed(house, house.key, tenants.update, "acme", name="Acme")
    assert line.strip().endswith("Acme")
    with pytest.raises(UsageError):
        await printed(house, house.key, tenants.update, "acme")
    lines = await printed(house, house.key, tenants.list_tenants)
    assert [line.split()[0] for line in lines.splitlines()] == ["acme", "default"]


async def test_events_wait_for_the_database_and_are_kept_once(database: str, monkeypatch):
    def event() -> tenant_pb2.AuditEvent:
        return tenant_pb2.AuditEvent(id=new_id(), tenant_id="acme")

    monkeypatch.setattr(late, "MAX_EVENTS", 5)
    monkeypatch.setattr(late, "BATCH", 2)
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", 1)
    there = Database(database, 1)
    writer = late.LateWriter(away, 0)
    events = [event() for _ in range(7)]
    for item in events:
        writer.note(item)
    with pytest.raises(BeatStitchError) as caught:
        await writer.flush()
    assert caught.value.metadata == {"dependency": "database"}
    monkeypatch.setattr(writer, "_database", there)
    await writer.flush()
    writer.note(events[-1])  # a commit whose answer was lost is made again
    await writer.flush()
    async with there.transaction() as tx:
        kept = await audit.page(tx, "acme", 10, None)
    assert {item.id for item in kept} == {item.id for item in events[2:]}
    await there.close()
    await away.close()
