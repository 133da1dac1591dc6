"""`beatstitch upload`, `import`, `download`, `restore`: files in and out, without a stitch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at
from beatstitch_client.cli.view import open_view, show_job
from beatstitch_core.job_states import is_terminal

ProjectId = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")]
RenderId = Annotated[str, typer.Argument(metavar="RENDER", help="The render's id.")]


@command
async def upload(
    project: ProjectId,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Songs, pictures and clips.")
    ],
    *,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Brings files in. Called again after a break it sends only what is missing of a large one."""
    async with server_at(server, api_key, tls=tls) as client:
        for file in files:
            made = await client.upload(project, file)
            print(f"{made.asset.id}  {made.asset.filename}  job {made.job.id}", flush=True)


@command
async def import_(
    project: ProjectId,
    uris: Annotated[list[str], typer.Argument(metavar="URI...", help="s3://bucket/key")],
    *,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Brings in objects that lie in buckets which the server may read."""
    async with server_at(server, api_key, tls=tls) as client:
        for uri in uris:
            made = await client.import_asset(project, uri)
            print(f"{made.asset.id}  {made.asset.filename}  job {made.job.id}", flush=True)


@command
async def download(
    render: RenderId,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The video; replaced when it exists.")
    ] = Path("video.mp4"),
    *,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Fetches a render's video. Called again after a break it fetches only what is missing."""
    async with server_at(server, api_key, tls=tls) as client:
        path = await client.download(render, output)
    print(path)


@command
async def restore(
    render: RenderId,
    *,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a render's video again that was removed when its time was over, and waits for it."""
    async with server_at(server, api_key, tls=tls) as client:
        job, _ = await client.restore_output(render)
        if not is_terminal(job.state):
            with open_view() as view:
                await client.wait_job(job.id, on_change=lambda change: show_job(view, change))
        found = await client.get_render(render)
    until = found.expire_time.ToJsonString() if found.HasField("expire_time") else "for ever"
    print(f"{render}: kept until {until}")
