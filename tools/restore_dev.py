"""`make restore`: a new state folder for `make dev` out of a backup.

Usage: restore_dev.py STATE BACKUPS/TIME
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from beatstitch_stack import Stack, tools


async def restore(state: Path, backup: Path) -> int:
    """Starts empty servers in `state`, restores into them and stops them."""
    async with Stack.start(state, durable=True) as stack:
        programs = str(tools.pg_dump().parent)
        command = [sys.executable, "-m", "beatstitch_gateway.backup", "restore", str(backup)]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env={**os.environ, **stack.env(), "BEATSTITCH_POSTGRES_BIN": programs},
            check=False,
        )
    return done.returncode


def main() -> None:
    """Refuses a folder that exists: what lies there may be somebody's."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    state, backup = map(Path, sys.argv[1:])
    if state.exists():
        sys.exit(f"{state} exists; move it away, or name another: make restore STATE=… FROM=…")
    code = asyncio.run(restore(state, backup))
    if code == 0:
        print(f"Restored. `make dev STATE={state}` goes on with it; old API keys work.")
    sys.exit(code)


if __name__ == "__main__":
    main()
