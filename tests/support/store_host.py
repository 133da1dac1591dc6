"""PostgreSQL and S3 for other hosts: `python -m support.store_host FOLDER ADDRESS`.

The stack's servers listen on loopback, so what comes to the same ports of ADDRESS is passed on.
Writes FOLDER/env.json when they serve, and ends with its launcher.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from beatstitch_stack import Stack
from beatstitch_stack.ports import LOOPBACK
from support.fault_proxy import FaultProxy


async def serve(folder: Path, address: str) -> None:
    """Until it is cancelled."""
    async with AsyncExitStack() as block:
        stack = await block.enter_async_context(Stack.start(folder, nats=False, durable=False))
        for port in (stack.s3.port, stack.postgres.port):
            await block.enter_async_context(FaultProxy(port, host=address, port=port))
        env = {name: value.replace(LOOPBACK, address) for name, value in stack.env().items()}
        ready = folder / "env.new"
        ready.write_text(json.dumps(env))
        ready.rename(folder / "env.json")
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
