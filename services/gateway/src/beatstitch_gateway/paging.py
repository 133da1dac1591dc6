"""Pages: opaque tokens around the last key of the page before.

A token names a place in an order, not a number of rows, so rows that come or go meanwhile are
neither shown twice nor skipped.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.ids import is_id

DEFAULT_SIZE = 50
MAX_SIZE = 1000

Key = Sequence[str | int]
T = TypeVar("T")


class ListRequest(Protocol):
    """Any List call's request."""

    page_size: int
    page_token: str


class Wanted:
    """The page that a List call wants.

    Args:
        kind: Which list; a token of another one is refused.
        request: The call's.
        shape: Types of the order's key.
        text: What text in the key has to be: an id, where nothing else is said.

    Attributes:
        rows: How many to ask the database for: one more than the page has tells of a next one.
        after: The key of the page before's last row, None for the first page.

    Raises:
        BeatStitchError: FIELD_INVALID: a size or a token that can't be.
    """

    def __init__(
        self, kind: str, request: ListRequest, *shape: type, text: Callable[[str], bool] = is_id
    ) -> None:
        self._kind = kind
        self._size = page_size(request.page_size)
        self.rows = self._size + 1
        self.after = decode(kind, request.page_token, shape, text)

    @property
    def after_id(self) -> str | None:
        """`after`, where the key is an id alone."""
        return str(self.after[0]) if self.after else None

    def cut(self, rows: Sequence[T], key: Callable[[T], Key]) -> tuple[Sequence[T], str]:
        """The page, and the token of the next one, of what the database had."""
        if len(rows) <= self._size:
            return rows, ""
        return rows[: self._size], encode(self._kind, key(rows[self._size - 1]))


def page_size(asked: int) -> int:
    """How many rows a page has.

    Raises:
        BeatStitchError: FIELD_INVALID outside of 0 (the default) to 1000.
    """
    if not 0 <= asked <= MAX_SIZE:
        raise field_error("page_size", f"is {asked}, allowed are 1 to {MAX_SIZE}, default 50")
    return asked or DEFAULT_SIZE


def encode(kind: str, key: Key) -> str:
    """The token for the page after `key` in a list of `kind`."""
    text = json.dumps([kind, *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(
    kind: str, token: str, shape: Sequence[type], text: Callable[[str], bool] = is_id
) -> list[str | int] | None:
    """The key inside a token of `kind`, or None for the first page.

    Args:
        kind: Which list.
        token: From the caller.
        shape: Types of the key's parts.
        text: What text in the key has to be.

    Raises:
        BeatStitchError: FIELD_INVALID: the token is not one of this list.
    """
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise _bad() from error
    if not isinstance(parts, list) or len(parts) != len(shape) + 1 or parts[0] != kind:
        raise _bad()
    key = parts[1:]
    for part, wanted in zip(key, shape, strict=True):
        if type(part) is not wanted or not _plausible(part, text):
            raise _bad()
    return key


def _plausible(part: object, text: Callable[[str], bool]) -> bool:
    # What the database would refuse to compare with is refused here.
    if isinstance(part, str):
        return text(part)
    return isinstance(part, int) and 0 <= part < 2**31


def _bad() -> BeatStitchError:
    return field_error("page_token", "is not a token that this list gave out")
