"""Nothing of a child is left: after the timeout, a cancel, the parent's death."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import sandbox

# Starts a grandchild that ignores SIGTERM, says both ids, and waits.
FAMILY = """
import os, signal, sys, time
grandchild = os.fork()
if grandchild == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        os.setsid()
    except OSError:
        pass
    time.sleep(300)
print(os.getpid(), grandchild, flush=True)
{rest}
"""
WAIT = "time.sleep(300)"


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def gone(pids, within=5.0):
    end = time.monotonic() + within
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


class Family:
    def __init__(self, work_dir, rest=WAIT):
        self.pids = []
        self.born = asyncio.Event()
        self._command = [sys.executable, "-c", FAMILY.format(rest=rest)]
        self._work_dir = work_dir

    def _line(self, line):
        self.pids = [int(part) for part in line.split()]
        self.born.set()

    async def run(self, **options):
        await sandbox.run(self._command, work_dir=self._work_dir, on_line=self._line, **options)


async def test_the_timeout_kills_grandchildren(work_dir):
    family = Family(work_dir)
    with pytest.raises(BeatStitchError, match="longer than 1 s") as caught:
        await family.run(timeout_s=1, timeout_reason=f.ERROR_REASON_RENDER_TIMEOUT)
    assert caught.value.reason == f.ERROR_REASON_RENDER_TIMEOUT
    assert len(family.pids) == 2
    assert await gone(family.pids)


async def test_cancelling_kills_grandchildren(work_dir):
    family = Family(work_dir)
    task = asyncio.create_task(family.run(timeout_s=60))
    await family.born.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(family.pids, within=1)


async def test_cancelling_twice_leaves_nothing_either(work_dir):
    family = Family(work_dir)
    task = asyncio.create_task(family.run(timeout_s=60))
    await family.born.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(family.pids)


async def test_a_child_that_ends_takes_its_grandchildren_along(work_dir):
    family = Family(work_dir, rest="sys.exit(0)")
    started = time.monotonic()
    await family.run(timeout_s=60)
    assert time.monotonic() - started < 10, "waited for the grandchild's pipe"
    assert await gone(family.pids)


async def test_being_killed_from_outside_counts_as_memory(work_dir):
    family = Family(work_dir)
    task = asyncio.create_task(family.run(timeout_s=60))
    await family.born.wait()
    os.kill(family.pids[0], signal.SIGKILL)
    with pytest.raises(BeatStitchError) as caught:
        await task
    assert caught.value.reason == f.ERROR_REASON_OUT_OF_MEMORY
    assert await gone(family.pids)


def test_the_child_dies_with_its_parent(work_dir):
    code = (
        "import asyncio, sys, pathlib\n"
        "from beatstitch_media import sandbox\n"
        "child = 'import os, time; print(os.getpid(), flush=True); time.sleep(300)'\n"
        "work = pathlib.Path(sys.argv[1])\n"
        "show = lambda line: print(line, flush=True)\n"
        "asyncio.run(sandbox.run([sys.executable, '-c', child], work_dir=work, on_line=show))\n"
    )
    command = [sys.executable, "-c", code, str(work_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    assert asyncio.run(gone([pid]))


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_many_at_once_leave_no_descriptors(work_dir):
    async def one():
        await sandbox.run([sys.executable, "-c", "print(1)"], work_dir=work_dir)

    await one()
    before = open_descriptors()
    await asyncio.gather(*(one() for _ in range(8)))
    await asyncio.sleep(0.1)
    assert open_descriptors() <= before
