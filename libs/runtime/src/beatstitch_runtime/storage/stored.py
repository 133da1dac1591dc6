"""What a list of the bucket says of an object."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Stored(NamedTuple):
    """An object as a list names it.

    Attributes:
        key: Its name.
        size_bytes: Its size.
        modified: When it was stored or last used; whole seconds on some servers.
    """

    key: str
    size_bytes: int
    modified: datetime
