"""PostgreSQL and S3 for other hosts: `python -m support.store_host FOLDER ADDRESS`.

The stack's servers listen on loopback, so what comes to the same ports of ADDRESS is passed on.
Writes FOLDER/env.json when they serve, and ends with its launcher.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

from beatstitch_stack import Stack
from beatstitch_stack.ports import LOOPBACK


async def serve(folder: Path, address: str) -> None:
    """Until it is cancelled."""
    async with Stack.start(folder, nats=False, durable=False) as stack:
        for port in (stack.s3.port, stack.postgres.port):
            await asyncio.start_server(lambda r, w, p=port: _passed_on(r, w, p), address, port)
        env = {name: value.replace(LOOPBACK, address) for name, value in stack.env().items()}
        ready = folder / "env.new"
        ready.write_text(json.dumps(env))
        ready.rename(folder / "env.json")
        await asyncio.Event().wait()


async def _passed_on(reader, writer, port: int) -> None:
    there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
    await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
