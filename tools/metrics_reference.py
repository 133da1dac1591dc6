"""Writes the table of metrics in docs/observability.md from their declarations.

Run by `make docs`; `make check` fails when the table is not up to date.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from beatstitch_runtime.metrics.declare import Declared, declared

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "observability.md"
BEGIN = "<!-- metrics: made by `make docs`, don't edit -->"
END = "<!-- end of metrics -->"

# Every module that declares metrics, with the services that tell them.
RUNTIME = "beatstitch_runtime.metrics"
GATEWAY = "beatstitch_gateway.seeing"
MODULES = (
    f"{RUNTIME}.calls",
    f"{RUNTIME}.jobs",
    f"{RUNTIME}.storage",
    f"{RUNTIME}.observers",
    f"{RUNTIME}.queues",
    f"{RUNTIME}.rendering",
    f"{RUNTIME}.analysis",
    f"{GATEWAY}.books",
    f"{GATEWAY}.cleaned",
    f"{GATEWAY}.ends",
    f"{GATEWAY}.refusals",
    f"{GATEWAY}.stored",
    f"{GATEWAY}.webhooks",
)


def all_metrics() -> tuple[Declared, ...]:
    """What the services export, by name; without the process's own."""
    for module in MODULES:
        importlib.import_module(module)
    return declared()


def table() -> str:
    """The table in Markdown."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in all_metrics():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines)


def page(old: str) -> str:
    """The page with its table made anew."""
    head, begin, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} has lost the marks of its table")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    was = PAGE.read_text()
    made = page(was)
    if "--check" in sys.argv:
        raise SystemExit("docs/observability.md is stale: run `make docs`" if made != was else 0)
    PAGE.write_text(made)
