"""What of the bucket is a cache: kept only so that it isn't made a second time. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from beatstitch_runtime.storage import Stored

# Kinds of objects that go when nobody has used them for a while, whatever rows say.
PROXIES = frozenset({"strip", "proxy"})
PIECES = frozenset({"chunk", "audio"})
PROBES = frozenset({"probe"})
KINDS = PROXIES | PIECES | PROBES


def kind_of(key: str, prefix: str) -> str:
    """The kind of object that a key of this tenant names: `chunk`, `proxy` and so on."""
    return key.removeprefix(prefix).partition("/")[0]


def size_of(objects: Iterable[Stored], prefix: str) -> int:
    """Bytes of those objects of a tenant that are cache."""
    return sum(item.size_bytes for item in objects if kind_of(item.key, prefix) in KINDS)
