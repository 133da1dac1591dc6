"""`beatstitch timeline`: looking at a project's timeline, taking it elsewhere, going back."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch_client.cli import tables
from beatstitch_client.cli.exits import EPILOG, UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from beatstitch_client.aio import AsyncClient
    from beatstitch_client.calls.timelines import TimelineFile

app = typer.Typer(no_args_is_help=True, help="Timelines of projects.", epilog=EPILOG)

ProjectId = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")]
Revision = Annotated[int, typer.Option(min=0, help="The revision; 0 for the newest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class FormatName(StrEnum):
    """Programs that a timeline can be taken to."""

    OTIO = "otio"
    FCPXML = "fcpxml"
    FCP7 = "fcp7"
    CMX3600 = "cmx3600"
    JSON = "json"


_KINDS: dict[FormatName, TimelineFile] = {
    FormatName.OTIO: "otio",
    FormatName.FCPXML: "fcpxml",
    FormatName.FCP7: "fcp7",
    FormatName.CMX3600: "cmx3600",
    FormatName.JSON: "json",
}


@app.command(epilog=EPILOG)
@command
async def show(
    project: ProjectId,
    *,
    revision: Revision = 0,
    every: Annotated[
        bool, typer.Option("--all", help="All segments, not only the first 40.")
    ] = False,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Shows a timeline: its segments, its edits, and what has changed since it was built."""
    async with server_at(server, api_key, tls=tls) as client:
        state = await client.get_timeline_state(project, revision)
        names = {} if as_json else await file_names(client, project)
    if as_json:
        print(as_text(state))
        return
    tables.show_timeline(state, names, most=None if every else tables.MOST_SEGMENTS)


@app.command(epilog=EPILOG)
@command
async def revisions(
    project: ProjectId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists a project's revisions, newest first."""
    async with server_at(server, api_key, tls=tls) as client:
        found = await client.list_revisions(project, limit=limit)
    if as_json:
        for timeline in found:
            print(json.dumps(MessageToDict(timeline, preserving_proto_field_name=True)))
        return
    tables.show_revisions(found)


@app.command(epilog=EPILOG)
@command
async def export(
    project: ProjectId,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Where the file goes; by the server's name for it."),
    ] = None,
    *,
    kind: Annotated[
        FormatName,
        typer.Option(
            "--format",
            help="otio: OpenTimelineIO; fcpxml: Final Cut Pro; fcp7: Premiere Pro, DaVinci "
            "Resolve; cmx3600: an EDL; json: ours.",
        ),
    ] = FormatName.OTIO,
    media: Annotated[
        str,
        typer.Option(metavar="URL", help="Where the program finds the media, e.g. file:///media/."),
    ] = "",
    revision: Revision = 0,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Writes a timeline as the file of an editing program."""
    if output is not None and output.is_dir():
        raise UsageError(f"{output} is a folder: name the file with -o")
    async with server_at(server, api_key, tls=tls) as client:
        file = await client.export_timeline(
            project, _KINDS[kind], revision=revision, media_base_url=media
        )
    # The name is made by the server of what people call the project: only its last part counts.
    path = output or Path(Path(file.filename).name or f"timeline.{kind.value}")
    await asyncio.to_thread(path.write_bytes, file.content)
    print(f"{path}: {len(file.content)} bytes")
    tables.warn(file.warnings)


@app.command(epilog=EPILOG)
@command
async def explain(
    project: ProjectId,
    segment: Annotated[int, typer.Argument(metavar="SEGMENT", min=0, help="Its index, from 0.")],
    *,
    revision: Revision = 0,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Tells why a segment begins where it does, and shows what it does."""
    async with server_at(server, api_key, tls=tls) as client:
        answer = await client.explain_cut(project, segment, revision=revision)
        names = {} if as_json else await file_names(client, project)
    if as_json:
        print(as_text(answer))
        return
    tables.show_explanation(answer, names)


@app.command(epilog=EPILOG)
@command
async def diff(
    project: ProjectId,
    before: Annotated[int, typer.Argument(metavar="FROM", min=1, help="A revision.")],
    after: Annotated[
        int, typer.Argument(metavar="TO", min=0, help="Another one; 0 for the newest.")
    ] = 0,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Shows what differs between two revisions."""
    async with server_at(server, api_key, tls=tls) as client:
        answer = await client.diff_revisions(project, before, after)
        names = {} if as_json else await file_names(client, project)
    if as_json:
        print(as_text(answer))
        return
    tables.show_diff(answer, names)


@app.command(epilog=EPILOG)
@command
async def undo(
    project: ProjectId, *, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Takes the last change back, as a new revision."""
    async with server_at(server, api_key, tls=tls) as client:
        newest = await client.get_timeline(project)
        print(tables.revision_line(await client.undo_timeline(project, newest.edl_hash)))


@app.command(epilog=EPILOG)
@command
async def redo(
    project: ProjectId, *, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Takes the last undo back, as a new revision."""
    async with server_at(server, api_key, tls=tls) as client:
        newest = await client.get_timeline(project)
        print(tables.revision_line(await client.redo_timeline(project, newest.edl_hash)))


async def file_names(client: AsyncClient, project_id: str) -> dict[str, str]:
    """What people called a project's assets, by id; those that are gone are missing."""
    return {asset.id: asset.filename for asset in await client.list_assets(project_id)}


def as_text(message: Message) -> str:
    """A message as JSON, for programs."""
    return json.dumps(MessageToDict(message, preserving_proto_field_name=True), indent=2)
