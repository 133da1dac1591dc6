"""Every RPC, with ids of things that the caller may not know of.

One tenant has one of everything. Another tenant's owner, and a key for another project of the same
tenant, name each of its things in each RPC: what they are told is what an id that was never given
out is told, and nothing of it changes.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import pkgutil
import secrets

import grpc.aio
import pytest
from support.foreign_cases import CASES, Own, Reach, filled
from support.public_api import API, upload_messages

import beatstitch.v1
from beatstitch.v1 import tenant_pb2
from beatstitch_core.errors import reason_name
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import tables
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.identity.rules import RULES, rule_of
from beatstitch_runtime.rpc.errors import error_from_rpc

NO_LIMITS = {
    f"rate_{name}_per_minute": 0 for name in ("read", "write", "upload", "job", "engine", "stream")
}
WITH_ALL = {
    "webhook_keys": base64.b64encode(bytes(32)).decode(),
    "webhook_allowed_networks": "127.0.0.0/8",
    "import_sources": "s3://bucket",
}
# How long a stream may say nothing until it counts as having nothing to say.
SILENT_S = 0.5


def services():
    """All public services of the contract."""
    for module in pkgutil.iter_modules(beatstitch.v1.__path__):
        if module.name.endswith("_service_pb2"):
            messages = importlib.import_module(f"beatstitch.v1.{module.name}")
            yield from messages.DESCRIPTOR.services_by_name.values()


def full_name(method) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


METHODS = {method.name: method for service in services() for method in service.methods}


def test_every_rpc_has_a_case_and_a_row():
    assert set(CASES) == set(METHODS)
    open_to_all = {"/beatstitch.v1.InfoService/GetServerInfo"}
    assert set(RULES) == {full_name(method) for method in METHODS.values()} - open_to_all
    assert {service.full_name for service in services()} >= {
        service.full_name
        for messages, _ in API
        for service in messages.DESCRIPTOR.services_by_name.values()
    }


def test_what_changes_something_is_audited_and_what_says_it_does_not_is_not():
    nothing_changes = 1  # google.protobuf.MethodOptions.NO_SIDE_EFFECTS
    for name, method in METHODS.items():
        rule = rule_of(full_name(method))
        if method.GetOptions().idempotency_level == nothing_changes:
            assert not rule.audited or full_name(method) not in RULES, name
        if "request_id" in method.input_type.fields_by_name:
            assert rule.audited, name


async def told(client, name: str, fields: dict) -> tuple[str, str, dict]:
    """Reason, message and metadata of a call's error; the reply as a text where there is none."""
    call = getattr(client, name)
    try:
        if name == "UploadAsset":
            return "", str(await call(upload_messages(**fields, data=b"abc"))), {}
        pending = call(**fields)
        if not hasattr(pending, "__aiter__"):
            return "", str(await pending), {}
        replies = []
        try:
            async with asyncio.timeout(SILENT_S):
                async for reply in pending:
                    replies.append(str(reply))  # noqa: PERF401 - what came until the time is up
        except TimeoutError:
            pending.cancel()
        return "", "".join(replies), {}
    except grpc.aio.AioRpcError as error:
        known = error_from_rpc(error, "gateway")
        return reason_name(known.reason), known.message, dict(known.metadata)


def without(ids: dict, answer: tuple[str, str, dict]) -> tuple[str, str, dict]:
    """An answer with its ids taken out, to be compared."""
    reason, message, metadata = answer
    text = f"{message}\n{sorted(metadata.items())}"
    for name, value in ids.items():
        if name != "own":
            text = text.replace(value, f"<{name}>")
    return reason, text, {}


@pytest.fixture
def one_of_everything():
    """Makes one of everything, and says by which ids."""

    async def make(house) -> dict[str, str]:
        client = house.client
        project_id, song_id, pictures = await house.ready(1)
        edl_hash = await house.timeline(project_id)
        made = await house.render(project_id, edl_hash)
        upload = await client.CreateUpload(
            project_id=project_id, filename="u.jpg", size_bytes=3, media_type=2
        )
        # Never sent to: it is switched off.
        hook = {"url": "https://127.0.0.1:9/x", "project_id": project_id, "disabled": True}
        template = await client.CreateTemplate(template={"name": "ours"})
        return {
            "project": project_id,
            "song": song_id,
            "picture": pictures[0],
            "upload": upload.asset.id,
            "hash": edl_hash,
            "render": made.render.id,
            "job": made.job.id,
            "template": template.template.id,
            "key": (await client.CreateApiKey(role=tenant_pb2.ROLE_VIEWER)).api_key.id,
            "tenant": "default",
            "webhook": (await client.CreateWebhook(webhook=hook)).webhook.id,
            "delivery": new_id(),
        }

    return make


def never_given(ids: dict[str, str]) -> dict[str, str]:
    """Ids of the same form that nothing has."""
    return {
        **{name: new_id() for name in ids},
        "hash": ids["hash"],
        "key": secrets.token_hex(8),
        "tenant": "nobody",
        **({"own": ids["own"]} if "own" in ids else {}),
    }


async def rows_of(house, tenant: str) -> dict[str, list[str]]:
    """All that the database has of a tenant, but for what is noted about calls."""
    database = Database(house.settings.database_url.get_secret_value(), 1)
    found = {}
    async with database.transaction() as tx:
        for table in tables.metadata.sorted_tables:
            if "tenant" in table.c and table.name not in {
                "audit_events",
                "idempotency",
                "api_keys",
            }:
                rows = await tx.execute(table.select().where(table.c.tenant == tenant))
                found[table.name] = sorted(str(row) for row in rows)
    await database.close()
    return found


async def walk(stranger, ids: dict[str, str], shared: frozenset[str]) -> None:
    """Tries everything.

    Args:
        stranger: Who tries.
        ids: Of another's things; "own" is the stranger's project.
        shared: RPCs that the stranger may use on them.
    """
    wrong = []
    for name, cases in CASES.items():
        if name in stranger.methods and name not in shared:
            for case in cases:
                found = await reached(stranger, name, case, ids)
                wrong += [f"{name} {case}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)


async def reached(stranger, name: str, case: Own | Reach, ids: dict[str, str]) -> object:
    """What is wrong with the answer of a case; nothing where all is well."""
    fields, nothing = filled(case.fields, ids), never_given(ids)
    answer = await told(stranger, name, fields)
    if answer[0] == "UNIMPLEMENTED":
        return None
    if isinstance(case, Reach):
        unknown = await told(stranger, name, filled(case.fields, nothing))
        same = without(ids, answer) == without(nothing, unknown)
        return None if same and answer[0] == case.reason else (answer, unknown)
    # What the caller wrote itself may come back; its audit log has all of that.
    secret = set(ids) - {"own", "hash", "tenant"}
    written = "".join(ids.values()) if name == "ListAuditEvents" else str(fields)
    seen = [thing for thing in secret if ids[thing] in answer[1] and ids[thing] not in written]
    return answer if answer[0] or seen else None


async def test_another_tenants_things_are_as_none(open_house, one_of_everything):
    async with open_house(**NO_LIMITS, **WITH_ALL) as house:
        ids = await one_of_everything(house)
        stranger = await house.new_tenant("stranger")
        ids["own"] = (await stranger.CreateProject(display_name="own")).project.id
        before = await rows_of(house, "default")
        await walk(stranger, ids, frozenset())
        for name in ("project", "song", "picture", "render", "job"):
            # Nor does another way of writing an id, or what is none, say anything.
            for text in (ids[name].upper(), "x' OR 1=1", "\0", ""):
                odd = {**ids, name: text}
                for method in ("GetProject", "GetAsset", "GetRender", "GetJob", "GetTemplate"):
                    case = CASES[method][0]
                    answer = await told(stranger, method, filled(case.fields, odd))
                    assert answer[0] == case.reason
        batch = await stranger.BatchStitch(items=[{"project_id": ids["project"]}])
        nowhere = await stranger.BatchStitch(items=[{"project_id": new_id()}])
        assert batch.results[0].failure.reason == nowhere.results[0].failure.reason
        assert await rows_of(house, "default") == before


async def test_another_projects_things_are_as_none(open_house, one_of_everything):
    async with open_house(**NO_LIMITS, **WITH_ALL) as house:
        ids = await one_of_everything(house)
        own = await house.project("other")
        picture = await house.upload(own, "a.jpg", 2)
        made = await house.client.CreateApiKey(
            role=tenant_pb2.ROLE_OWNER, project_ids=[own], display_name="one project"
        )
        limited = house.with_key(made.secret)
        rules = {name: RULES.get(full_name(method)) for name, method in METHODS.items()}
        whole = {name for name, rule in rules.items() if rule is not None and rule.whole_tenant}
        for name in whole & set(limited.methods):
            case = CASES[name][0]
            reason, _, metadata = await told(limited, name, filled(case.fields, ids))
            assert reason == "PERMISSION_DENIED", name
            if rules[name].role < tenant_pb2.ROLE_OPERATOR:
                assert metadata["needed_projects"] == "all"
        before = await rows_of(house, "default")
        ids["own"] = own
        # Templates are the tenant's, and so is what is said about it.
        shared = frozenset({*whole, "GetTemplate", "ListTemplates", "GetCaller", "GetServerInfo"})
        known = ids.pop("template")
        ids["template"] = new_id()
        await walk(limited, ids, shared)
        after = await rows_of(house, "default")
        assert after == before

        # Its own project it sees and changes.
        assert [item.id for item in (await limited.ListProjects()).projects] == [own]
        assert [item.id for item in (await limited.ListJobs()).jobs] == [picture.job.id]
        assert list((await limited.GetCaller()).project_ids) == [own]
        await limited.GetTemplate(template_id=known)
        await limited.UpdateProject(
            project={"id": own, "display_name": "new"}, update_mask={"paths": ["display_name"]}
        )
        await limited.CancelJob(job_id=picture.job.id)
        # With another's request_id it gets no reply about what it doesn't see.
        asked = {"project_id": ids["project"], "request_id": "same"}
        await house.client.GenerateTimeline(**asked)
        await limited.refused(limited.GenerateTimeline(**asked), "PROJECT_NOT_FOUND")


async def test_each_role_may_what_the_table_says(open_house):
    async with open_house(**NO_LIMITS) as house:
        roles = [role for role in tenant_pb2.Role.values() if role]
        for role in roles:
            client = await house.new_tenant("acme", role)
            for name in client.methods:
                rule = RULES.get(full_name(METHODS[name]))
                if name == "UploadAsset":
                    fields = {"project_id": "none", "filename": "a", "media_type": 2}
                else:
                    fields = {"timeout": {"seconds": 1}} if name == "WaitJob" else {}
                reason, _, metadata = await told(client, name, fields)
                if rule is None or role >= rule.role:
                    assert reason != "PERMISSION_DENIED", (name, role)
                else:
                    assert reason == "PERMISSION_DENIED", (name, role)
                    needed = tenant_pb2.Role.Name(rule.role).removeprefix("ROLE_").lower()
                    assert metadata["needed_role"] == needed
