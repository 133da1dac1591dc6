"""A process and everything below it, killed without hitting a stranger.

A group is not enough: PostgreSQL's backends and sandboxed ffmpeg children lead groups of their
own. Descendants are held by pidfd, so a reused pid is never signalled.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

STAT_PPID = 1  # index after the closing bracket of the name: state, ppid, pgrp, …


def parents() -> dict[int, int]:
    """Map each visible pid to its parent's (empty where there is no /proc)."""
    found: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            found[int(folder.name)] = int(fields[STAT_PPID])
    return found


def descendants(pid: int) -> list[int]:
    """All pids below `pid`, parents before children."""
    children: dict[int, list[int]] = {}
    for child, parent in parents().items():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found += level
    return found


def kill_tree(pid: int, *, timeout: float = 5.0) -> None:
    """SIGKILL the process group led by `pid` and all descendants, and wait for the descendants.

    The leader itself must not have been reaped (a zombie is fine) and is left to its parent.
    """
    handles = [handle for child in descendants(pid) if (handle := _open(child)) is not None]
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        _wait(handles, timeout)
    finally:
        for handle in handles:
            os.close(handle)


def signal_tree(pid: int, sig: signal.Signals) -> None:
    """Send a signal to a process and everything below it: SIGSTOP and SIGCONT, for a frozen host.

    The process itself must not have been reaped.
    """
    # Twice: what is being born while the first round goes on is stopped in the second.
    for _ in range(2):
        handles = [handle for each in (pid, *descendants(pid)) if (handle := _open(each))]
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, sig)
            os.close(handle)


def _open(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _wait(handles: list[int], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for handle in handles:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
