"""Collects everything that is wrong, so that one reply names all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beatstitch.v1.failure_pb2 import FieldViolation

if TYPE_CHECKING:
    from collections.abc import Collection

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Findings:
    """Violations in the order in which they were found."""

    def __init__(self) -> None:
        self.violations: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Notes a violation; `field` is its path, for example "segments[3].timeline_in_frame"."""
        self.violations.append(FieldViolation(field=field, description=description))

    def expect(self, holds: bool, field: str, description: str) -> bool:
        """Notes a violation unless `holds`, which is returned."""
        if not holds:
            self.add(field, description)
        return holds

    def expect_equal(self, value: object, wanted: object, field: str) -> bool:
        """Notes a violation unless `value` is `wanted`; returns whether it is."""
        return self.expect(value == wanted, field, f"must be {wanted}, not {value}")

    def expect_range(self, value: int, least: int, most: int, field: str) -> bool:
        """Notes a violation unless `value` is from `least` to `most`; returns whether it is."""
        return self.expect(least <= value <= most, field, f"must be {least} to {most}, not {value}")

    def expect_known(self, value: int, known: Collection[int], field: str) -> bool:
        """Notes a violation unless an enum's values hold `value`; returns whether they do."""
        return self.expect(value in known, field, f"unknown value {int(value)}")

    def expect_sha256(self, text: str, field: str) -> bool:
        """Notes a violation unless the text is a lower-case hex SHA-256; returns whether it is."""
        return self.expect(is_sha256(text), field, "must be a SHA-256 in lower-case hex")


def is_sha256(text: str) -> bool:
    """Whether the text is a SHA-256 in lower-case hex, 64 characters."""
    return _SHA256.fullmatch(text) is not None
