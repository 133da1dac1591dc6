"""Downloaded inputs on disk, by sha256, shared by all slots of a process and by processes.

A job gets a hard link in its own folder: removing an old file from the cache takes nothing away
from whoever still reads it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
from collections import defaultdict
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.v1.common_pb2 import ObjectRef
    from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)


class InputCache:
    """A folder of inputs.

    Args:
        folder: Where; made when needed.
        max_bytes: How much is kept; the least recently used go first.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, storage: Storage, ref: ObjectRef, target: Path) -> None:
        """Brings an object to `target`, from the folder where it is there.

        Args:
            storage: Where it comes from.
            ref: The object; its sha256 is set.
            target: A path that doesn't exist yet.

        Raises:
            BeatStitchError: OBJECT_MISSING, UPLOAD_MISMATCH, DEPENDENCY_DOWN, DISK_FULL.
        """
        if len(ref.sha256) != 64 or not all(c in "0123456789abcdef" for c in ref.sha256):
            raise BeatStitchError(failure_pb2.ERROR_REASON_INTERNAL, "an input has no checksum")
        async with self._fetching[ref.sha256]:
            kept = self._folder / ref.sha256
            if await asyncio.to_thread(_link, kept, target):
                return
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            part = self._folder / f".{ref.sha256}.{secrets.token_hex(4)}"
            try:
                await storage.fetch(ref, part)
                await asyncio.to_thread(part.replace, kept)
                if not await asyncio.to_thread(_link, kept, target):
                    raise FileNotFoundError(kept)
            finally:
                await asyncio.to_thread(part.unlink, missing_ok=True)
        await asyncio.to_thread(self._make_room)

    def _make_room(self) -> None:
        """Removes the least recently used files until the rest fits."""
        files = []
        for path in self._folder.iterdir():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue  # another process was faster
            files.append((facts.st_mtime, facts.st_size, path))
        held = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if held <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            held -= size
            log.debug("input dropped from the cache", extra={"size_bytes": size})


def _link(kept: Path, target: Path) -> bool:
    """Makes `target` the same file; False when there is none."""
    try:
        os.utime(kept)
        target.hardlink_to(kept)
    except FileNotFoundError:
        return False
    except OSError:  # another file system, or one without links
        try:
            shutil.copyfile(kept, target)
        except FileNotFoundError:
            return False
    return True
