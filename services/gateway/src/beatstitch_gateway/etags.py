"""What keeps two callers from overwriting each other's changes: an etag, new with each change."""

from __future__ import annotations

import hashlib
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError


class Changeable(Protocol):
    """A message with an etag: a project, a template."""

    etag: str

    @property
    def update_time(self) -> Timestamp:
        """When it was changed last."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:  # noqa: N802
        """As every message."""


def stamp(message: Changeable) -> None:
    """Notes the time of a change, and with it a new etag."""
    message.update_time.GetCurrentTime()
    message.etag = ""
    content = message.SerializeToString(deterministic=True)
    message.etag = hashlib.sha256(content).hexdigest()[:16]


def need_etag(provided: str, current: str, what: str) -> None:
    """Nothing, when the caller knows what is stored, or doesn't ask.

    Raises:
        BeatStitchError: ETAG_MISMATCH; `what` is "project" or "template".
    """
    if provided and provided != current:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_ETAG_MISMATCH,
            f"the {what} was changed meanwhile",
            metadata={"provided": provided, "current": current},
        )
