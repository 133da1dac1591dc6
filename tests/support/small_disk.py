"""A disk of a few megabytes, where root may mount."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1024 * 1024


def mount(path: Path, megabytes: int) -> bool:
    """Puts an empty disk at a folder; False where that isn't allowed."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return False
    options = f"size={megabytes}m,mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def unmount(path: Path) -> None:
    """Takes the disk away; what is open on it goes on until it is closed."""
    subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk is full inside the block."""
    filler = disk / "filler"
    fill(filler)
    try:
        yield
    finally:
        filler.unlink()


def fill(path: Path) -> None:
    """Writes a file until nothing goes on its disk."""
    for size in (MB, 4096):
        with path.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
