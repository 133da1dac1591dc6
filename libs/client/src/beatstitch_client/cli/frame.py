"""`beatstitch frame`: one frame of a project's timeline as a picture, without a render."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

if TYPE_CHECKING:
    from beatstitch_client.calls.renders import PictureFile

_KINDS: dict[str, PictureFile] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


@command
async def frame(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")],
    number: Annotated[int, typer.Argument(metavar="FRAME", min=0, help="From 0.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .png, .jpg or .jpeg.")
    ] = Path("frame.png"),
    revision: Annotated[int, typer.Option(min=0, help="The revision; 0 for the newest.")] = 0,
    max_height: Annotated[int, typer.Option(min=0, help="Most lines; 0 for 360.")] = 0,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Writes one frame of a project's timeline as a picture."""
    kind = _KINDS.get(output.suffix.lower())
    if kind is None:
        raise UsageError(f"{output.name}: the name must end in .png, .jpg or .jpeg")
    async with server_at(server, api_key, tls=tls) as client:
        made = await client.render_frame(
            project, number, revision=revision, max_height=max_height, kind=kind
        )
    await asyncio.to_thread(output.write_bytes, made.content)
    print(f"{output}: frame {number}, segment {made.segment_index}")
