"""From where objects may be imported. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.keys import TENANTS

TENANT = "{tenant}"
_SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST_KEY_BYTES = 1024


class Address(NamedTuple):
    """Where an object lies.

    Attributes:
        bucket: The bucket.
        key: The key in it.
    """

    bucket: str
    key: str


@dataclass(frozen=True)
class Source:
    """A folder that may be read.

    Attributes:
        bucket: The bucket.
        prefix: Of its keys; ends in "/" unless it is empty.
    """

    bucket: str
    prefix: str

    def holds(self, address: Address, tenant: str) -> bool:
        """Whether an object lies in the folder, as it is for a tenant."""
        prefix = self.prefix.replace(TENANT, tenant)
        return address.bucket == self.bucket and address.key.startswith(prefix)


def sources_of(text: str) -> list[Source]:
    """The setting import_sources: "s3://bucket/prefix", separated by commas.

    Raises:
        ValueError: One of them is no such address.
    """
    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        bucket, _, prefix = item.removeprefix(_SCHEME).partition("/")
        plain = prefix.strip("/")
        wrong = plain and not all(map(_plain, plain.split("/")))
        if not item.startswith(_SCHEME) or not _BUCKET.fullmatch(bucket) or wrong:
            raise ValueError(f"import_sources: {item!r} is not s3://bucket/prefix")
        found.append(Source(bucket, f"{plain}/" if plain else ""))
    return found


def parse_uri(uri: str) -> Address:
    """The address that a URI names, as it stands there: nothing is unescaped.

    Raises:
        BeatStitchError: FIELD_INVALID. Keys with ".", ".." or nothing between two slashes are
            refused: S3 takes them literally, what stands before it may not.
    """
    bucket, slash, key = uri.removeprefix(_SCHEME).partition("/")
    if (
        not uri.startswith(_SCHEME)
        or not slash
        or not _BUCKET.fullmatch(bucket)
        or len(key.encode()) > _MOST_KEY_BYTES
        or not all(map(_plain, key.split("/")))
    ):
        raise field_error(
            "uri", 'has to be "s3://bucket/key", without ".", ".." or nothing between slashes'
        )
    return Address(bucket, key)


def need_allowed(sources: list[Source], address: Address, tenant: str, *, own_bucket: str) -> None:
    """Nothing, when a tenant may import the object.

    Whatever the setting allows: in our own bucket nobody reads what is other tenants'.

    Raises:
        BeatStitchError: IMPORT_NOT_ALLOWED, for what exists and what doesn't.
    """
    ours = address.bucket == own_bucket and address.key.startswith(TENANTS)
    if ours or not any(source.holds(address, tenant) for source in sources):
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_IMPORT_NOT_ALLOWED,
            "nothing may be imported from there; ask the operator",
        )


def _plain(segment: str) -> bool:
    return (
        segment not in {"", ".", ".."}
        and "\\" not in segment
        and segment.isprintable()
        and not any(0xD800 <= ord(char) <= 0xDFFF for char in segment)
    )
