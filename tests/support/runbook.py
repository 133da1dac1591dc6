"""docs/runbook.md, taken apart."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
PARTS = ("**Symptom.**", "**Fix.**", "**Verify.**", "```check\n")


def entries() -> dict[str, str]:
    """Text of each entry by its heading."""
    found = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def checks(text: str) -> list[str]:
    """The check lines of an entry."""
    blocks = re.findall(r"^```check\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]
