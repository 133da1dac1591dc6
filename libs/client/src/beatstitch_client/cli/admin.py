"""`beatstitch admin`: running an installation; needs an operator's key."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.admin_service_pb2 import CleanupReason
from beatstitch.v1.job_pb2 import JobType
from beatstitch_client.cli.exits import EPILOG
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

AT_ONCE = 1000

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


@app.command("dead-letters", epilog=EPILOG)
@command
async def dead_letters(
    *,
    tenant: Annotated[str, typer.Option(metavar="ID", help="Only this tenant's.")] = "",
    waiting: Annotated[bool, typer.Option(help="Only what was not given again.")] = False,
    requeue: Annotated[
        bool, typer.Option("--requeue", help="Give all that are listed to the workers again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Work that no worker finished, newest first."""
    async with server_at(server, api_key, tls=tls) as client:
        found = await client.list_dead_letters(tenant, waiting_only=waiting or requeue)
        for letter in found:
            if as_json:
                print(json.dumps(MessageToDict(letter, preserving_proto_field_name=True)))
                continue
            kind = JobType.Name(letter.type).removeprefix("JOB_TYPE_").lower()
            when = letter.create_time.ToDatetime().isoformat(timespec="seconds")
            print(f"{letter.id}  {when}  {letter.tenant_id}  {kind}  {letter.failure.message}")
        for start in range(0, len(found) if requeue else 0, AT_ONCE):
            ids = [letter.id for letter in found[start : start + AT_ONCE]]
            for result in await client.requeue_dead_letters(ids):
                what = result.job.id or result.failure.message
                print(f"{result.dead_letter_id}  given again: {what}")
