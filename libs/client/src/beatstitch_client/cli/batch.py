"""`beatstitch batch`: many videos of a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from beatstitch.v1.stitch_service_pb2 import BatchStitchResult, StitchRequest
from beatstitch_client.cli.exits import FAILED, UsageError
from beatstitch_client.cli.jobs import watch_many
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at
from beatstitch_core.errors import reason_name


@command
async def batch(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.json",
            help="A list of stitches; - for the standard input. Each as StitchRequest has it, "
            'for example {"project_id": "…", "profile": "preview"}.',
        ),
    ],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow them to the last one's end.")
    ] = False,
    request_id: Annotated[
        str, typer.Option(help="Give the same one again to go on with what was cut off.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line for each.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes up to 1000 videos of projects that have their song and media.

    Ends with 1 when any was refused or, with --wait, didn't succeed.
    """
    items = read_items(sys.stdin.read() if str(file) == "-" else file.read_text())
    async with server_at(server, api_key, tls=tls) as client:
        reply = await client.batch_stitch(items, request_id=request_id)
        refused = [item for item in reply.results if item.HasField("failure")]
        if as_json:
            for item in reply.results:
                print(json.dumps(MessageToDict(item, preserving_proto_field_name=True)))
        else:
            for item in refused:
                print(refusal(item), file=sys.stderr)
            taken = len(reply.results) - len(refused)
            print(f"batch {reply.batch_id}: {taken} accepted, {len(refused)} refused")
            if not wait and taken:
                print(f"follow them: beatstitch jobs watch --batch {reply.batch_id}")
        if wait:
            await watch_many(client, batch=reply.batch_id, project="", as_json=as_json)
    if refused:
        raise typer.Exit(FAILED)


def read_items(text: str) -> list[StitchRequest]:
    """The stitches of a file: a list, or an object with "items".

    Raises:
        UsageError: It is no JSON, or an item has a field that there isn't; the item is named.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the file is not JSON: {error}") from None
    if isinstance(found, dict):
        found = found.get("items")
    if not isinstance(found, list):
        raise UsageError('the file has to be a list of stitches, or {"items": [...]}')
    items = []
    for index, item in enumerate(found):
        try:
            items.append(ParseDict(item, StitchRequest()))
        except (ParseError, TypeError, AttributeError) as error:
            raise UsageError(f"item {index}: {error}") from None
    return items


def refusal(item: BatchStitchResult) -> str:
    """Why an item was refused, in a line."""
    failure = item.failure
    wrong = "; ".join(f"{one.field} {one.description}" for one in failure.violations)
    return f"item {item.index}: {reason_name(failure.reason)}: {wrong or failure.message}"
