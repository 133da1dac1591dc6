"""When signed links end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp


def expiry(expires_s: int) -> Timestamp:
    """The end of a link that is signed now."""
    end = Timestamp()
    end.FromDatetime(datetime.now(UTC) + timedelta(seconds=expires_s))
    return end
