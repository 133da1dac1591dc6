"""`beatstitch admin`: running an installation; needs an operator's key."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.admin_service_pb2 import CleanupReason
from beatstitch_client.cli.exits import EPILOG
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

app = typer.Typer(no_args_is_help=True, help="Running an installation.", epilog=EPILOG)


@app.callback()
def admin() -> None:
    """Running an installation; needs an operator's key."""


@app.command(epilog=EPILOG)
@command
async def cleanup(
    *,
    tenant: Annotated[str, typer.Option(metavar="ID", help="Only this tenant's.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Removes from the bucket what retention no longer keeps."""
    async with server_at(server, api_key, tls=tls) as client:
        reply = await client.cleanup(tenant, dry_run=dry_run)
    if as_json:
        print(json.dumps(MessageToDict(reply, preserving_proto_field_name=True)))
        return
    for total in reply.totals:
        reason = CleanupReason.Name(total.reason).removeprefix("CLEANUP_REASON_").lower()
        print(f"{reason:20} {total.count:10} {total.bytes / 1e6:12.1f} MB")
    if not reply.totals:
        print("nothing would go" if dry_run else "nothing went")
