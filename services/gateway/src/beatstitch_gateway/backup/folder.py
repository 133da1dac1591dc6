"""The files of a backup, and the copies that backups share."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from beatstitch_gateway.backup import manifest
from beatstitch_gateway.backup.manifest import Kept, Summary

SUMMARY = "backup.json"
DATABASE = "database.dump"
OBJECTS = "objects.jsonl"
COPIES = "objects"


class BrokenBackupError(Exception):
    """A file of a backup is missing, or not what it was."""


def copy_of(root: Path, sha256: str) -> Path:
    """Where bytes with this checksum are kept."""
    return root / COPIES / sha256[:2] / sha256


def newest(root: Path) -> Path | None:
    """The newest finished backup; None when there is none."""
    finished = sorted(path.parent for path in root.glob(f"*/{SUMMARY}"))
    return finished[-1] if finished else None


def read(folder: Path) -> tuple[Summary, dict[str, Kept]]:
    """A backup's summary and its objects by key; both files are held against their checksums.

    Raises:
        BrokenBackupError: It is not whole.
    """
    try:
        summary = Summary.load((folder / SUMMARY).read_text("utf-8"))
        for name, expected in (
            (DATABASE, summary.database_sha256),
            (OBJECTS, summary.objects_sha256),
        ):
            if sha256_of(folder / name) != expected:
                msg = f"{name} is not the file that {SUMMARY} tells of"
                raise BrokenBackupError(msg)
        with (folder / OBJECTS).open(encoding="utf-8") as lines:
            return summary, {kept.key: kept for kept in manifest.load(lines)}
    except (OSError, ValueError) as error:
        msg = f"{folder} is no whole backup: {error}"
        raise BrokenBackupError(msg) from error


def write_durably(path: Path, text: str) -> None:
    """Writes a small file that is there whole or not at all, even after a power cut."""
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
