"""Names that are harmless in any format, and different where things are.

A filename is what a client said; it may hold quotes, line breaks, markup or a path. Of a path only
the last part counts, and characters that break lines or that XML can't hold are left out. Quoting
is each format's own business.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAME = 200
MAX_FILENAME = 80
MAX_REEL = 8
RESERVED_REELS = frozenset({"AX", "BL", "BLACK", "BARS", "AUX", "MEM", "NONE"})
_BREAKS = frozenset({"Zl", "Zp"})


def clean(text: str, fallback: str = "") -> str:
    """A text on one line, without characters that XML or a line of text can't hold.

    Args:
        text: Anything.
        fallback: What it is when nothing is left.
    """
    kept = (" " if _breaks(char) else char for char in text)
    return " ".join("".join(kept).split())[:MAX_NAME].strip() or fallback


def base_name(filename: str, fallback: str) -> str:
    """The last part of a filename, cleaned; the fallback for one that names nothing."""
    name = clean(re.split(r"[/\\]", filename)[-1])
    return fallback if name in {"", ".", ".."} else name


def distinct(names: Iterable[str]) -> list[str]:
    """The names, those that came before with a number: "a.mp4", "a (2).mp4".

    Names that differ in case only are the same: many file systems think so.
    """
    taken: set[str] = set()
    result = []
    for name in names:
        path, number, candidate = PurePosixPath(name), 1, name
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{path.stem} ({number}){path.suffix}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def reels(names: Iterable[str]) -> list[str]:
    """A reel name for each name: at most 8 of A-Z, 0-9 and _, all different."""
    taken = set(RESERVED_REELS)
    result = []
    for name in names:
        letters = unicodedata.normalize("NFKD", PurePosixPath(name).stem).upper()
        stem = re.sub(r"[^A-Z0-9]+", "_", letters).strip("_")[:MAX_REEL].strip("_") or "CLIP"
        number, reel = 1, stem
        while reel in taken:
            number += 1
            reel = f"{stem[: MAX_REEL - len(str(number))]}{number}"
        taken.add(reel)
        result.append(reel)
    return result


def media_url(base_url: str, name: str) -> str:
    """Where the editing program looks for a file: under the base, or beside its own file."""
    base = "".join(char for char in base_url if not _breaks(char)).strip()
    if base and not base.endswith("/"):
        base += "/"
    return base + quote(name, safe="")


def file_name(title: str, extension: str) -> str:
    """A name for a file, safe on any system."""
    stem = re.sub(r"[^\w.-]+", "-", clean(title)).strip("-. ")[:MAX_FILENAME].strip("-. ")
    return f"{stem or 'timeline'}{extension}"


def _breaks(char: str) -> bool:
    """Whether a character ends a line, can't be seen or isn't one at all (a lone surrogate)."""
    category = unicodedata.category(char)
    # All that XML forbids is in C: controls, surrogates and what is no character.
    return category[0] == "C" or category in _BREAKS
