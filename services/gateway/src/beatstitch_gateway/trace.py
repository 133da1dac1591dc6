"""The W3C trace context of the call being served, for the jobs that it makes."""

from __future__ import annotations

import re
from contextvars import ContextVar

TRACEPARENT = "traceparent"
_FORM = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def set_traceparent(text: str) -> None:
    """Notes the context that came with the call; anything malformed is no context."""
    _current.set(text if _FORM.fullmatch(text) else "")


def traceparent() -> str:
    """The context of the call being served; empty without tracing."""
    return _current.get()
