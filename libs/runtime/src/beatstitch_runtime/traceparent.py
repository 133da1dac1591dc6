"""The W3C trace context of what is being done: read, carried, handed on. With or without a tracer.

Text like `00-<32 hex>-<16 hex>-<2 hex>` (https://www.w3.org/TR/trace-context/), in gRPC metadata,
in the headers of NATS messages and in a JobSpec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

TRACEPARENT: Final = "traceparent"

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def checked(text: object) -> str:
    """The text, if it is a trace context; else empty."""
    return text if isinstance(text, str) and _FORM.fullmatch(text) else ""


def traceparent() -> str:
    """The context of what is being done; empty when nobody traces it."""
    return _current.get()


def trace_id(context: str) -> str:
    """The trace's id in a context, 32 hex digits; empty for none."""
    return context[3:35]


@contextmanager
def within(context: str) -> Iterator[None]:
    """What happens inside belongs to this context; to none with an empty one."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
