"""`beatstitch tenants`: who uses an installation; needs an operator's key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.tenant_pb2 import Tenant
from beatstitch_client.cli.exits import EPILOG, UsageError
from beatstitch_client.cli.keys import usage_lines
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(no_args_is_help=True, help="Tenants; for operators.", epilog=EPILOG)

TenantId = Annotated[str, typer.Argument(help="The tenant's id: a-z, 0-9 and hyphens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each.")]
Name = Annotated[str | None, typer.Option(help="Its name, for people.")]
_LIMIT = "0: the installation's default, -1: no limit."
Bytes = Annotated[int | None, typer.Option("--max-bytes", help=f"Bytes kept. {_LIMIT}")]
Assets = Annotated[int | None, typer.Option("--max-assets", help=f"Assets kept. {_LIMIT}")]
Jobs = Annotated[int | None, typer.Option("--max-jobs", help=f"Jobs at once. {_LIMIT}")]
Minutes = Annotated[
    int | None, typer.Option("--max-minutes", help=f"Minutes rendered a month. {_LIMIT}")
]


@app.command("list", epilog=EPILOG)
@command
async def list_tenants(
    *, as_json: AsJson = False, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Lists all tenants."""
    async with server_at(server, api_key, tls=tls) as client:
        for tenant in await client.list_tenants():
            print(_json(tenant) if as_json else tenant_line(tenant))


@app.command(epilog=EPILOG)
@command
async def get(
    tenant_id: TenantId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Shows a tenant, its quotas as they were set for it, and what it uses."""
    async with server_at(server, api_key, tls=tls) as client:
        found = await client.get_tenant(tenant_id)
    if as_json:
        print(json.dumps(MessageToDict(found, preserving_proto_field_name=True)))
    else:
        print(
            "\n".join((tenant_line(found.tenant), *usage_lines(found.tenant.quotas, found.usage)))
        )


@app.command(epilog=EPILOG)
@command
async def create(
    tenant_id: TenantId,
    *,
    name: Name = None,
    max_bytes: Bytes = None,
    max_assets: Assets = None,
    max_jobs: Jobs = None,
    max_minutes: Minutes = None,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a tenant; `beatstitch keys create --tenant ID --role owner` makes its first key."""
    given = said(name, max_bytes, max_assets, max_jobs, max_minutes)
    async with server_at(server, api_key, tls=tls) as client:
        tenant = await client.create_tenant(filled(tenant_id, given))
    print(_json(tenant) if as_json else tenant_line(tenant))


@app.command(epilog=EPILOG)
@command
async def update(
    tenant_id: TenantId,
    *,
    name: Name = None,
    max_bytes: Bytes = None,
    max_assets: Assets = None,
    max_jobs: Jobs = None,
    max_minutes: Minutes = None,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Changes what is given; all else stays."""
    given = said(name, max_bytes, max_assets, max_jobs, max_minutes)
    if not given:
        raise UsageError("nothing to change: give --name or a limit")
    async with server_at(server, api_key, tls=tls) as client:
        tenant = await client.update_tenant(filled(tenant_id, given), list(given))
    print(_json(tenant) if as_json else tenant_line(tenant))


@app.command(epilog=EPILOG)
@command
async def suspend(
    tenant_id: TenantId,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let it go on.")] = False,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Refuses all of a tenant's calls from now on; what runs goes on."""
    async with server_at(server, api_key, tls=tls) as client:
        tenant = await client.update_tenant(Tenant(id=tenant_id, suspended=not undo), ["suspended"])
    print(_json(tenant) if as_json else tenant_line(tenant))


def said(
    name: str | None, size: int | None, assets: int | None, jobs: int | None, minutes: int | None
) -> dict[str, str | int]:
    """What was given, by its place in a Tenant."""
    places = {
        "display_name": name,
        "quotas.max_stored_bytes": size,
        "quotas.max_assets": assets,
        "quotas.max_open_jobs": jobs,
        "quotas.max_rendered_minutes": minutes,
    }
    return {place: value for place, value in places.items() if value is not None}


def filled(tenant_id: str, given: Mapping[str, str | int]) -> Tenant:
    """A Tenant that says what was given."""
    tenant = Tenant(id=tenant_id)
    for place, value in given.items():
        inside, _, field = place.rpartition(".")
        setattr(tenant.quotas if inside else tenant, field, value)
    return tenant


def tenant_line(tenant: Tenant) -> str:
    """A tenant in a line."""
    made = tenant.create_time.ToDatetime().isoformat(" ", "seconds")
    state = "suspended" if tenant.suspended else "active"
    return f"{tenant.id:<20}  {state:<9}  {made}  {tenant.display_name}".rstrip()


def _json(tenant: Tenant) -> str:
    return json.dumps(MessageToDict(tenant, preserving_proto_field_name=True))
