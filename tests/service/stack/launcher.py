"""Start a stack and a service, tell their pids as JSON on stdout, and wait to be killed."""

import asyncio
import json
import sys
from pathlib import Path

from beatstitch_stack import ServiceProcess, Stack
from beatstitch_stack.process_tree import descendants


async def main():
    here = Path(__file__).parent
    async with Stack.start(Path(sys.argv[1])) as stack:
        log_path = stack.state_dir / "service.log"
        service = ServiceProcess("fake", "fake_service", {"PYTHONPATH": str(here)}, log_path)
        await asyncio.to_thread(service.start)
        pids = [service.pid, *(server.pid for server in stack.servers)]
        below = [child for pid in pids for child in descendants(pid)]
        sys.stdout.write(json.dumps(pids + below) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


asyncio.run(main())
