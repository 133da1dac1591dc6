"""The command's parts put together."""

from __future__ import annotations

import json
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch_client.cli import admin, jobs, keys, tenants, timeline, webhooks
from beatstitch_client.cli.analyze import analyze
from beatstitch_client.cli.batch import batch
from beatstitch_client.cli.exits import EPILOG
from beatstitch_client.cli.frame import frame
from beatstitch_client.cli.media import download, import_, restore, upload
from beatstitch_client.cli.running import command
from beatstitch_client.cli.stitch import stitch
from beatstitch_client.cli.target import (
    CA_VARIABLE,
    ApiKey,
    Files,
    Server,
    Tls,
    files,
    server_at,
)
from beatstitch_client.cli.up import up

app = typer.Typer(
    name="beatstitch",
    help="Music videos whose every cut falls on a beat.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def connection(
    *,
    ca_file: Annotated[
        Path | None,
        typer.Option(envvar=CA_VARIABLE, metavar="PEM", help="Authorities to believe."),
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option(envvar="BEATSTITCH_CERT_FILE", metavar="PEM", help="Your certificate."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(envvar="BEATSTITCH_KEY_FILE", metavar="PEM", help="Its private key."),
    ] = None,
) -> None:
    """Music videos whose every cut falls on a beat."""
    files.set(Files(ca_file, cert, key))


app.command(epilog=EPILOG)(up)
app.command(epilog=EPILOG)(stitch)
app.command(epilog=EPILOG)(batch)
app.command(epilog=EPILOG)(analyze)
app.command(epilog=EPILOG)(frame)
app.command(epilog=EPILOG)(upload)
app.command("import", epilog=EPILOG)(import_)
app.command(epilog=EPILOG)(download)
app.command(epilog=EPILOG)(restore)
app.add_typer(jobs.app, name="jobs")
app.add_typer(admin.app, name="admin")
app.command(epilog=EPILOG)(keys.whoami)
app.command(epilog=EPILOG)(keys.audit)
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(timeline.app, name="timeline")
app.add_typer(webhooks.app, name="webhooks")


@app.command(epilog=EPILOG)
@command
async def version(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Shows the command's version and, where one is named, what the server is and can do."""
    facts: dict[str, object] = {"client": version_of("beatstitch-client")}
    if server:
        async with server_at(server, api_key, tls=tls) as client:
            info = await client.server_info()
        facts["server"] = MessageToDict(info, preserving_proto_field_name=True)
    if as_json:
        print(json.dumps(facts))
        return
    print(f"beatstitch {facts['client']}")
    if server:
        trackers = ", ".join(f"{item.name} {item.version}" for item in info.analyzers)
        print(f"server {info.version} at {server}; beat trackers: {trackers or 'none'}")
