"""`beatstitch up`: the whole system on this machine."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import (
    CA_VARIABLE,
    KEY_VARIABLE,
    SERVER_VARIABLE,
    own_system,
)

# For curl; the command itself speaks gRPC.
HTTP_VARIABLE = "BEATSTITCH_HTTP"

if TYPE_CHECKING:
    from typing import Any

    from beatstitch_stack import System


@command
async def up(
    *,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps data and the key; else all is gone at the end."),
    ] = None,
    replicas: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE=N[,…]", help="How many of each, e.g. renderer=4,gateway=2."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the endpoints as JSON.")] = False,
    secure: Annotated[
        bool,
        typer.Option(
            "--tls",
            help="Encrypt every hop, with certificates made here; each service has its own users, "
            "keys and rights.",
        ),
    ] = False,
) -> None:
    """Runs NATS, S3, PostgreSQL and all four services until Ctrl-C."""
    counts = parse_replicas(replicas or [])
    async with own_system(state, counts, secure=secure) as system:
        facts = endpoints(system)
        print(json.dumps(facts) if as_json else endpoints_text(facts), flush=True)
        print("running; Ctrl-C ends everything", file=sys.stderr, flush=True)
        await asyncio.Event().wait()


def parse_replicas(items: list[str]) -> dict[str, int]:
    """Reads "renderer=2", or several with commas between them.

    Raises:
        UsageError: An item is not of this form.
    """
    counts = {}
    for item in ",".join(items).split(",") if items else ():
        name, _, count = item.partition("=")
        if not name or not count.isdecimal() or not 1 <= int(count) <= 64:
            raise UsageError(f"--replicas is SERVICE=N with N from 1 to 64, not {item!r}")
        counts[name] = int(count)
    return counts


def endpoints(system: System) -> dict[str, Any]:
    """Where everything listens, for programs."""
    return {
        "server": system.gateway_address,
        "http": system.http_url,
        "api_key": system.api_key,
        **({"ca_file": str(system.ca_file)} if system.ca_file is not None else {}),
        "services": {name: service.address for name, service in system.services.items()},
        "state_dir": str(system.stack.state_dir),
    }


def endpoints_text(facts: dict[str, Any]) -> str:
    """Where everything listens, ready to be pasted into a shell."""
    others = [f"# {name}: {address}" for name, address in facts["services"].items()]
    return "\n".join(
        (
            f"export {SERVER_VARIABLE}={facts['server']}",
            f"export {HTTP_VARIABLE}={facts['http']}",
            f"export {KEY_VARIABLE}={facts['api_key']}",
            *([f"export {CA_VARIABLE}={facts['ca_file']}"] if "ca_file" in facts else []),
            *others,
            f"# data and logs: {facts['state_dir']}",
        )
    )
