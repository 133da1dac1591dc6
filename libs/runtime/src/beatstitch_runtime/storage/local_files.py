"""What is asked of files on the disk that are stored or fetched; blocking, for a thread."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path


def size_of_file(path: Path) -> int:
    """Its size in bytes."""
    return path.stat().st_size


def sha256_of_file(path: Path) -> str:
    """Its sha256, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_file(path: Path) -> None:
    """Never a device, whatever a caller wrote to: services may run as root."""
    if path.is_file():
        with suppress(OSError):
            path.unlink()
