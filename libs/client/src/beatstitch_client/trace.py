"""Carries the caller's trace on, where the caller uses OpenTelemetry; needs nothing of it else."""

from __future__ import annotations

import sys

_CARRIED = ("traceparent", "tracestate")


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """Metadata that makes the server's spans children of the caller's current one."""
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - the caller's
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return tuple((key, carrier[key]) for key in _CARRIED if key in carrier)
