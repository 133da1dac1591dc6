"""What was cleaned away."""

from __future__ import annotations

from beatstitch.v1.admin_service_pb2 import CleanupReason
from beatstitch_runtime.metrics.declare import counter

_objects = counter(
    "beatstitch_cleaned_objects_total",
    "Objects (for orphan_row: rows corrected) that the cleaning removed, by reason.",
    ("reason",),
)
_bytes = counter(
    "beatstitch_cleaned_bytes_total", "Bytes that the cleaning removed, by reason.", ("reason",)
)
_rounds = counter(
    "beatstitch_cleaning_rounds_total",
    "Rounds of the cleaning over all tenants: done or failed.",
    ("result",),
)


def removed(reason: CleanupReason.ValueType, size_bytes: int) -> None:
    """One object less."""
    name = CleanupReason.Name(reason).removeprefix("CLEANUP_REASON_").lower()
    _objects.labels(name).inc()
    _bytes.labels(name).inc(size_bytes)


def ended(*, done: bool) -> None:
    """A round came to its end."""
    _rounds.labels("done" if done else "failed").inc()
