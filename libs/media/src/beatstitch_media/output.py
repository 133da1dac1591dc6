"""What becomes of a child's output: kept whole, kept at its end, or cut into lines."""

from __future__ import annotations

from collections.abc import Callable


class Whole:
    """All of it, up to a limit.

    Attributes:
        data: What came so far.
        overflown: Whether more came than may be kept.
    """

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.overflown = False
        self._limit = limit

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        room = self._limit - len(self.data)
        self.overflown |= len(chunk) > room
        self.data += chunk[:room]


class Tail:
    """The last bytes.

    Attributes:
        data: At least the last `limit` bytes, at most twice as many.
    """

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self._limit = limit

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self.data += chunk
        if len(self.data) > 2 * self._limit:
            del self.data[: -self._limit]


class Lines:
    """Cut into lines, each handed on at once; over-long ones are cut."""

    def __init__(self, on_line: Callable[[str], None], limit: int = 1 << 20) -> None:
        self._rest = b""
        self._on_line = on_line
        self._limit = limit

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[: self._limit]
        for line in whole:
            self._hand_on(line)

    def close(self) -> None:
        """Hands on a last line without a line end."""
        if self._rest:
            self._hand_on(self._rest)
            self._rest = b""

    def _hand_on(self, line: bytes) -> None:
        self._on_line(line.decode(errors="replace").rstrip("\r"))
