"""How figures are taken and told: both sides in turns, medians, one line each."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

Once = Callable[[], Awaitable[object]]


async def taken_ms(once: Once, count: int) -> list[float]:
    """Milliseconds of each of so many calls, one after the other."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        await once()
        found.append((time.perf_counter() - begun) * 1000)
    return found


async def in_turns(sides: Sequence[Once], rounds: int, each: int) -> list[list[float]]:
    """Milliseconds of each side's calls; a slice of one, a slice of the next, and again."""
    for side in sides:
        await taken_ms(side, each)  # warm
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for mine, side in zip(found, sides, strict=True):
            mine.extend(await taken_ms(side, each))
    return found


def quantile(taken: Sequence[float], share: float) -> float:
    """The value that this share lies below."""
    ordered = sorted(taken)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def verdict(name: str, figure: float, limit: float, *, most: bool, more: str = "") -> None:
    """One line: the figure, what it has to be, whether it is."""
    holds = figure <= limit if most else figure >= limit
    sign = "≤" if most else "≥"
    print(
        f"{'ok ' if holds else 'NOT'} {name:<46} {figure:8.2f}  ({sign} {limit:g})  {more}"
        f"  load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def median(taken: Sequence[float]) -> float:
    """The usual one."""
    return statistics.median(taken)
