"""Calls that this process serves."""

from __future__ import annotations

import time

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


class Call:
    """One call, from its begin to `end`."""

    __slots__ = ("_begun", "_method", "_service", "_stream")

    def __init__(self, name: str, *, stream: bool) -> None:
        """Counts it as begun.

        Args:
            name: "/package.Service/Method" of a method that exists, or `UNKNOWN`: a name that the
                client chose would be a label without bounds.
            stream: Whether it has many replies: how long a watch is open says nothing of speed.
        """
        self._service, _, self._method = name.strip("/").rpartition("/")
        self._stream = stream
        self._begun = time.perf_counter()
        _open.labels(self._service, self._method).inc()

    def end(self, code: str) -> None:
        """It ended with this status code, "OK" for example."""
        _open.labels(self._service, self._method).dec()
        _handled.labels(self._service, self._method, code).inc()
        if not self._stream:
            seconds = time.perf_counter() - self._begun
            _seconds.labels(self._service, self._method, code).observe(seconds)
