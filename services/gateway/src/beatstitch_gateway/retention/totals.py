"""What was removed, or would be, by reason."""

from __future__ import annotations

from beatstitch.v1.admin_service_pb2 import CleanupReason, CleanupResponse, CleanupTotal

MOST_EXAMPLES = 20


class Totals:
    """Sums by reason."""

    def __init__(self) -> None:
        self._found: dict[CleanupReason.ValueType, CleanupTotal] = {}
        self.kept_for_jobs = 0

    def add(self, reason: CleanupReason.ValueType, example: str, size_bytes: int = 0) -> None:
        """One more object or row."""
        total = self._found.setdefault(reason, CleanupTotal(reason=reason))
        total.count += 1
        total.bytes += size_bytes
        if len(total.examples) < MOST_EXAMPLES:
            total.examples.append(example)

    def reply(self) -> CleanupResponse:
        """As the API tells it."""
        totals = [self._found[reason] for reason in sorted(self._found)]
        return CleanupResponse(totals=totals, kept_for_jobs=self.kept_for_jobs)
