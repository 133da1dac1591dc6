"""A thread that starts children and never ends.

The kernel sends the parent-death signal when the *thread* that made the child ends, not when the
process does. A child started from a worker thread (`asyncio.to_thread`, a test's event loop that
is closed) would be killed as soon as that pool is shut down. So every child is born from one
thread which lives as long as the process.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SpawnRequest(NamedTuple):
    """What to start: full argument list, environment, working folder, log file (appended to)."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log_path: Path


_Work = tuple[SpawnRequest, "Future[subprocess.Popen[bytes]]"]
_lock = threading.Lock()
_work: queue.SimpleQueue[_Work] | None = None
_owner = 0


def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own, from the thread that outlives all others.

    Raises:
        OSError: The program cannot be run.
    """
    answer: Future[subprocess.Popen[bytes]] = Future()
    _work_queue().put((request, answer))
    return answer.result()


def _work_queue() -> queue.SimpleQueue[_Work]:
    global _work, _owner
    with _lock:
        if _work is None or _owner != os.getpid():
            _work, _owner = queue.SimpleQueue(), os.getpid()
            threading.Thread(target=_serve, args=(_work,), name="spawner", daemon=True).start()
        return _work


def _serve(work: queue.SimpleQueue[_Work]) -> None:
    while True:
        request, answer = work.get()
        try:
            answer.set_result(_popen(request))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, the thread lives on
            answer.set_exception(error)


def _popen(request: SpawnRequest) -> subprocess.Popen[bytes]:
    request.log_path.parent.mkdir(parents=True, exist_ok=True)
    with request.log_path.open("ab") as log:
        return subprocess.Popen(
            list(request.argv),
            env=dict(request.env),
            cwd=request.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
