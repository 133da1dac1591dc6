"""Scratch folders: one for each job, gone after it, also after a crash.

A worker's folders lie in one folder that it keeps locked. What a killed worker left behind has no
lock, so the next one that starts on the same disk removes it; pids would not tell, for each
container has its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PREFIX = "beatstitch-worker-"
LOCK = ".lock"


class Scratch:
    """The scratch folders of one worker."""

    def __init__(self, parent: Path | None) -> None:
        """Use `parent`, or the system's temporary folder; nothing is made yet."""
        self._parent = Path(tempfile.gettempdir()) if parent is None else parent
        self._root: Path | None = None
        self._lock = -1

    def open(self) -> None:
        """Remove what dead workers left and make this worker's folder.

        Raises:
            OSError: The folder can't be made.
        """
        self._parent.mkdir(parents=True, exist_ok=True)
        for left in self._parent.glob(f"{PREFIX}*"):
            _remove_if_dead(left)
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
        self._lock = os.open(root / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._root = root

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A new folder, removed with all that is in it.

        Raises:
            OSError: It can't be made.
        """
        if self._root is None:
            self.open()
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="job-", dir=self._root))
        try:
            yield folder
        finally:
            # A second cancellation must not leave it half removed.
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    def close(self) -> None:
        """Remove this worker's folder."""
        root, self._root = self._root, None
        if root is not None:
            shutil.rmtree(root, ignore_errors=True)
            os.close(self._lock)


def _remove_if_dead(folder: Path) -> None:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return  # just being made by somebody else, or not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass  # its worker lives
    finally:
        os.close(lock)
