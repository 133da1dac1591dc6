"""`beatstitch whoami`, `keys` and `audit`: who may come in, and who did what."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.tenant_pb2 import Role
from beatstitch_client.cli.exits import EPILOG, UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from beatstitch.v1.tenant_pb2 import ApiKey as Key
    from beatstitch.v1.tenant_pb2 import AuditEvent, Quotas, Usage
    from beatstitch.v1.tenant_service_pb2 import GetCallerResponse

app = typer.Typer(no_args_is_help=True, help="The tenant's API keys; for owners.", epilog=EPILOG)

KeyId = Annotated[str, typer.Argument(help="The key's id: 16 hex digits.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each.")]
OfTenant = Annotated[
    str, typer.Option("--tenant", metavar="ID", help="Another tenant's; operators only.")
]


@command
async def whoami(
    *, as_json: AsJson = False, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Shows who you are to the server, what you may do and what is left of the quotas."""
    async with server_at(server, api_key, tls=tls) as client:
        caller = await client.caller()
    print(_json(caller) if as_json else caller_text(caller))


@app.command("list", epilog=EPILOG)
@command
async def list_keys(
    *,
    tenant: OfTenant = "",
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists keys, newest first, ended ones too."""
    async with server_at(server, api_key, tls=tls) as client:
        for key in await client.list_api_keys(tenant):
            print(_json(key) if as_json else key_line(key))


@app.command(epilog=EPILOG)
@command
async def create(
    name: Annotated[str, typer.Argument(help="What it is for, for people.")] = "",
    *,
    role: Annotated[str, typer.Option(help="viewer, editor, owner or operator.")] = "editor",
    project: Annotated[
        list[str] | None, typer.Option(help="The only projects it sees; may be repeated.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=1 / 1440, help="How long it works; else for ever.")
    ] = None,
    tenant: OfTenant = "",
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a key and prints it: keep it, it is told this one time."""
    wanted = parse_role(role)
    async with server_at(server, api_key, tls=tls) as client:
        key, secret = await client.create_api_key(
            wanted,
            name,
            project_ids=project or (),
            lifetime=timedelta(days=days) if days is not None else None,
            tenant_id=tenant,
        )
    _tell(key, secret, as_json=as_json)


@app.command(epilog=EPILOG)
@command
async def rotate(
    key_id: KeyId,
    *,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the old one still works.")
    ] = 24.0,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a new key with the old one's rights, and prints it this one time."""
    overlap = timedelta(hours=overlap_hours)
    async with server_at(server, api_key, tls=tls) as client:
        key, secret = await client.rotate_api_key(key_id, overlap=overlap)
    _tell(key, secret, as_json=as_json)


@app.command(epilog=EPILOG)
@command
async def revoke(
    key_id: KeyId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Ends a key; within seconds nobody knows it any more."""
    async with server_at(server, api_key, tls=tls) as client:
        key = await client.revoke_api_key(key_id)
    print(_json(key) if as_json else key_line(key))


@command
async def audit(
    *,
    principal: Annotated[
        str, typer.Option(help='Only by this one: "key:<id>", "jwt:<subject>".')
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    tenant: OfTenant = "",
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists what was done and tried, newest first; for owners."""
    async with server_at(server, api_key, tls=tls) as client:
        events = await client.list_audit_events(tenant_id=tenant, principal=principal, limit=limit)
    for event in events:
        print(_json(event) if as_json else event_line(event))


def parse_role(name: str) -> Role.ValueType:
    """The role of a name as `role_name` gives it.

    Raises:
        UsageError: There is no such role.
    """
    known = {role_name(role): role for role in Role.values() if role}
    if name.lower() not in known:
        raise UsageError(f"--role is one of {', '.join(known)}, not {name!r}")
    return known[name.lower()]


def role_name(role: Role.ValueType) -> str:
    """The role as people read it, for example "editor"."""
    return Role.Name(role).removeprefix("ROLE_").lower()


def key_line(key: Key) -> str:
    """A key in a line."""
    made = key.create_time.ToDatetime().isoformat(" ", "seconds")
    ends = "works"
    if key.HasField("expire_time"):
        ends = f"until {key.expire_time.ToDatetime().isoformat(' ', 'seconds')}"
    if key.HasField("revoke_time"):
        ends = f"revoked {key.revoke_time.ToDatetime().isoformat(' ', 'seconds')}"
    only = f"  {len(key.project_ids)} project(s) only" if key.project_ids else ""
    return (
        f"{key.id}  {role_name(key.role):<8}  {made}  {ends:<27}{only}  {key.display_name}".rstrip()
    )


def event_line(event: AuditEvent) -> str:
    """An audit event in a line."""
    time = event.time.ToDatetime().isoformat(" ", "milliseconds")
    method = event.method.rpartition(".")[2]
    outcome = event.reason or event.code
    return f"{time}  {event.principal}  {event.peer}  {method}  {event.resource or '-'}  {outcome}"


def caller_text(caller: GetCallerResponse) -> str:
    """The caller in lines: who, and what of each quota is used."""
    lines = [
        f"{caller.principal}, {role_name(caller.role)} of {caller.tenant.id}",
        *(f"only project {project_id}" for project_id in caller.project_ids),
        *usage_lines(caller.tenant.quotas, caller.usage),
    ]
    return "\n".join(lines)


def usage_lines(quotas: Quotas, usage: Usage) -> list[str]:
    """What of each quota is used (0: the default, -1: no limit); the cache, which is in none."""
    minutes = usage.rendered_ms / 60_000
    return [
        f"bytes    {usage.stored_bytes} of {_limit(quotas.max_stored_bytes)}",
        f"assets   {usage.assets} of {_limit(quotas.max_assets)}",
        f"jobs     {usage.open_jobs} of {_limit(quotas.max_open_jobs)} at once",
        f"minutes  {minutes:.1f} of {_limit(quotas.max_rendered_minutes)} this month",
        f"cache    {cache_text(usage)}",
    ]


def cache_text(usage: Usage) -> str:
    """What the cache takes, and when that was counted."""
    if not usage.HasField("cache_time"):
        return "not counted yet"
    time = usage.cache_time.ToDatetime().isoformat(" ", "seconds")
    return f"{usage.cache_bytes} bytes at {time}"


def _limit(value: int) -> str:
    if value < 0:
        return "any number"
    return str(value) if value else "the installation's default"


def _tell(key: Key, secret: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**_dict(key), "secret": secret}))
    else:
        print(f"{key_line(key)}\nsecret: {secret}")


def _json(message: Message) -> str:
    return json.dumps(_dict(message))


def _dict(message: Message) -> dict[str, object]:
    found: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True)
    return found
