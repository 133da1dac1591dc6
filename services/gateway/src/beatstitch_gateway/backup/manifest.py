"""What a backup says of itself and of the bucket. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

FORMAT = "1.0"

# What can be made again from what is copied, and costs only time: pieces of videos and their sound,
# what a decoder found, and half-done work. Nothing of it is named by a row that a client reads.
REMADE = frozenset({"chunk", "audio", "probe", "proof", "tmp"})


@dataclass(frozen=True, slots=True)
class Kept:
    """One object of the bucket.

    Attributes:
        key: Its name.
        size_bytes: Its size.
        modified: When it was stored, as the server lists it (ISO 8601).
        sha256: Lower-case hex of its bytes; empty where they were not read.
        copied: Whether `objects/` holds its bytes.
    """

    key: str
    size_bytes: int
    modified: str
    sha256: str = ""
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """`backup.json`.

    Attributes:
        format: Version of this layout.
        time: When the dump was begun, ISO 8601 in UTC.
        revision: Alembic's revision of the dumped tables.
        database_sha256: Of `database.dump`.
        objects_sha256: Of `objects.jsonl`.
        objects: Lines in `objects.jsonl`.
        copied: Objects whose bytes were copied, in this backup or an earlier one.
        copied_bytes: Their sizes together.
    """

    format: str
    time: str
    revision: str
    database_sha256: str
    objects_sha256: str
    objects: int
    copied: int
    copied_bytes: int

    def dump(self) -> str:
        """As it is written."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def load(cls, text: str) -> Summary:
        """As it was written.

        Raises:
            ValueError: It is no backup, or one of a newer format.
        """
        try:
            found = cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            msg = "backup.json is not one of ours"
            raise ValueError(msg) from error
        if found.format.split(".")[0] != FORMAT.split(".", maxsplit=1)[0]:
            msg = f"the backup has format {found.format}; this version reads {FORMAT}"
            raise ValueError(msg)
        return found


def dump(objects: Iterable[Kept]) -> Iterator[str]:
    """Lines of `objects.jsonl`."""
    for kept in objects:
        yield json.dumps(asdict(kept), separators=(",", ":")) + "\n"


def load(lines: Iterable[str]) -> Iterator[Kept]:
    """What `dump` wrote."""
    for line in lines:
        yield Kept(**json.loads(line))


def kind_of(key: str) -> str:
    """The folder below the tenant's: "in", "grid", "chunk"…; empty for a key that isn't ours."""
    parts = key.split("/")
    return parts[2] if len(parts) > 3 and parts[0] == "t" else ""


def worth_copying(key: str) -> bool:
    """Whether a loss of this object would be a loss of more than time."""
    kind = kind_of(key)
    return bool(kind) and kind not in REMADE


def same(then: Kept | None, key: str, size_bytes: int, modified: str) -> bool:
    """Whether an earlier backup has the object as it is now: it need not be read again."""
    return (
        then is not None
        and then.copied
        and (then.key, then.size_bytes, then.modified) == (key, size_bytes, modified)
    )
