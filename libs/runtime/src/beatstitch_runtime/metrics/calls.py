"""Calls that this process serves."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram

from beatstitch_runtime.metrics.declare import CALL_BUCKETS, counter, gauge, histogram

UNKNOWN = "/unknown/unknown"

# Not "service": Kubernetes' Prometheus calls its own label so.
_LABELS = ("grpc_service", "grpc_method")
_handled = counter(
    "beatstitch_rpc_handled_total",
    "Calls that ended, by gRPC status code. A stream counts when it ends.",
    (*_LABELS, "grpc_code"),
)
_seconds = histogram(
    "beatstitch_rpc_duration_seconds",
    "Duration of calls with one reply, seconds.",
    (*_LABELS, "grpc_code"),
    buckets=CALL_BUCKETS,
)
_open = gauge("beatstitch_rpc_in_flight", "Calls being served, open streams too.", _LABELS)


# Looked up by name once: a call's own microseconds count.
_open_of: dict[str, Gauge] = {}
_ended_of: dict[tuple[str, str], tuple[Counter, Histogram | None]] = {}


def _method(name: str) -> tuple[str, str]:
    service, _, method = name.strip("/").rpartition("/")
    return service, method


class Call:
    """One call, from its begin to `end`."""

    __slots__ = ("_begun", "_name", "_open", "_stream")

    def __init__(self, name: str, *, stream: bool) -> None:
        """Counts it as begun.

        Args:
            name: "/package.Service/Method" of a method that exists, or `UNKNOWN`: a name that the
                client chose would be a label without bounds.
            stream: Whether it has many replies: how long a watch is open says nothing of speed.
        """
        self._name, self._stream = name, stream
        found = _open_of.get(name)
        if found is None:
            found = _open_of[name] = _open.labels(*_method(name))
        self._open = found
        self._begun = time.perf_counter()
        found.inc()

    def end(self, code: str) -> None:
        """It ended with this status code, "OK" for example."""
        self._open.dec()
        key = (self._name, code)
        found = _ended_of.get(key)
        if found is None:
            labels = (*_method(self._name), code)
            timed = None if self._stream else _seconds.labels(*labels)
            found = _ended_of[key] = _handled.labels(*labels), timed
        handled, seconds = found
        handled.inc()
        if seconds is not None:
            seconds.observe(time.perf_counter() - self._begun)
