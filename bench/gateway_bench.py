"""What the gateway costs over bare gRPC, bare JetStream and bare S3, and how it bears a crowd.

Each figure is a ratio to a reference of the same run; both sides take turns, a slice at a time, so
that other load on the machine hits both. A whole system runs meanwhile, its engines idle.

    python bench/gateway_bench.py [--only calls,streams,submit,queue,watch,scale]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
import uvloop
from gateway_bench_calls import calls
from gateway_bench_crowd import queue, watch
from gateway_bench_scale import scale
from gateway_bench_streams import streams
from gateway_bench_submit import submit

from beatstitch_stack import System

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PARTS = {
    "calls": calls,
    "streams": streams,
    "submit": submit,
    "queue": queue,
    "watch": watch,
    "scale": scale,
}


@dataclass(frozen=True)
class Room:
    """What the parts measure.

    Attributes:
        system: The whole system.
        gateway: A channel to it.
        bare: A channel to a server that only echoes.
        metadata: The API key, for each call.
    """

    system: System
    gateway: grpc.aio.Channel
    bare: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]


@asynccontextmanager
async def room(folder: Path) -> AsyncIterator[Room]:
    """Everything that is measured, running."""
    env = {"BEATSTITCH_LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "INFO")}
    async with System.start(folder, durable=True, env=env) as system:
        bare = subprocess.Popen(  # noqa: ASYNC220 - once, before anything is measured
            [sys.executable, str(Path(__file__).with_name("bare_server.py"))],
            env={**os.environ, **system.stack.env()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert bare.stdin is not None and bare.stdout is not None  # noqa: S101, PT018
        try:
            port = (await asyncio.to_thread(bare.stdout.readline)).strip()
            async with (
                grpc.aio.insecure_channel(system.gateway_address) as gateway,
                grpc.aio.insecure_channel(f"127.0.0.1:{port}") as echo,
            ):
                metadata = (("authorization", f"Bearer {system.api_key}"),)
                yield Room(system, gateway, echo, metadata)
        finally:
            bare.stdin.close()
            bare.wait(10)
            bare.stdout.close()


async def main() -> None:
    """Prints a line for each figure, and all of them as JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--json", type=Path, help="where to put the figures")
    options = parser.parse_args()
    chosen = options.only.split(",")
    figures: dict[str, object] = {"load_before": os.getloadavg()[0]}
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        async with room(Path(folder)) as measured:
            for name in chosen:
                figures |= await PARTS[name](measured)
    figures["load_after"] = os.getloadavg()[0]
    print(f"load {os.getloadavg()[0]:.1f}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
