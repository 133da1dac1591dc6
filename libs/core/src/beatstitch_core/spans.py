"""A seam for tracing: what can't know of the tracer says here what it is doing.

Without a tracer nothing happens. `beatstitch_runtime.tracing` puts its own in at start.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Tracer = Callable[[str], AbstractContextManager[object]]
"""Makes the span of a name; the block it is entered for is what it measures."""


def _none(_name: str) -> AbstractContextManager[object]:
    return nullcontext()


_tracer: Tracer = _none


def use_tracer(tracer: Tracer | None) -> None:
    """Has all spans made by this tracer from now on; by none with None."""
    global _tracer  # noqa: PLW0603 - one process, one tracer
    _tracer = tracer or _none


def span(name: str) -> AbstractContextManager[object]:
    """Measures the block that it is entered for, as "child ffmpeg" for example.

    Args:
        name: One of a few: what is done, never to which file or for whom.
    """
    return _tracer(name)
