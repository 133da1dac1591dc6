"""What a file is by its name, and which files a folder brings in.

Only what is declared to the server comes from a name; what a file is, its content decides there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from beatstitch.v1.common_pb2 import MediaType

AUDIO = frozenset({"mp3", "wav", "flac", "ogg", "oga", "opus", "m4a", "aac"})
IMAGE = frozenset({"jpg", "jpeg", "png", "webp", "gif", "heic", "heif", "avif"})
VIDEO = frozenset({"mp4", "m4v", "mov", "webm", "mkv", "avi", "ts", "mts", "m2ts"})


def media_type_of(path: Path) -> MediaType.ValueType:
    """The type that the name's suffix stands for; MEDIA_TYPE_UNSPECIFIED for an unknown one."""
    suffix = path.suffix.lower().removeprefix(".")
    for suffixes, kind in (
        (AUDIO, common_pb2.MEDIA_TYPE_AUDIO),
        (IMAGE, common_pb2.MEDIA_TYPE_IMAGE),
        (VIDEO, common_pb2.MEDIA_TYPE_VIDEO),
    ):
        if suffix in suffixes:
            return kind
    return common_pb2.MEDIA_TYPE_UNSPECIFIED


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts names as people do: img2 before img10, case aside."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part)


def discover(paths: Iterable[Path]) -> list[Path]:
    """The pictures and clips that paths stand for.

    A file stands for itself, whatever its name. A folder stands for the pictures and clips in it
    and in its folders, in natural order; hidden ones and files of other kinds are left out.

    Raises:
        FileNotFoundError: A path doesn't exist.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(_inside(path))
        elif path.exists():
            found.append(path)
        else:
            raise FileNotFoundError(str(path))
    return found


def _inside(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        shown = media_type_of(path) in {common_pb2.MEDIA_TYPE_IMAGE, common_pb2.MEDIA_TYPE_VIDEO}
        if not hidden and shown and path.is_file():
            found.append((tuple(natural_key(part) for part in relative.parts), path))
    return [path for _, path in sorted(found)]
