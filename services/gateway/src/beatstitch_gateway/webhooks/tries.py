"""When a delivery is tried again, and when it is given up. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from beatstitch.v1 import webhook_pb2
from beatstitch.v1.webhook_pb2 import WebhookDeliveryState

GIVE_UP_AFTER = timedelta(days=3)
FIRST_PAUSE_S = 5.0
GROWTH = 3.0
LONGEST_PAUSE_S = 6 * 3600.0
LONGEST_ASKED_S = 24 * 3600.0
_GONE = 410


@dataclass(frozen=True)
class Answer:
    """What came of a try.

    Attributes:
        status: HTTP status; 0 when no reply came.
        error: What went wrong, for people; empty for a reply of 2xx.
        retry_after_s: When the receiver asked to come back; None when it didn't say.
    """

    status: int
    error: str = ""
    retry_after_s: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has the event."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Verdict:
    """What follows from a try.

    Attributes:
        state: Of the delivery.
        pause_s: When to try again; None for never.
        gone: Whether the receiver wants nothing any more.
    """

    state: WebhookDeliveryState.ValueType
    pause_s: float | None = None
    gone: bool = False


def judge(answer: Answer, attempts: int, left_s: float) -> Verdict:
    """What follows from a try.

    Args:
        answer: What came of it.
        attempts: Tries so far, this one included.
        left_s: How long until the delivery is given up.
    """
    if answer.taken:
        return Verdict(webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED)
    if answer.status == _GONE:
        return Verdict(webhook_pb2.WEBHOOK_DELIVERY_STATE_FAILED, gone=True)
    if left_s <= 0:
        return Verdict(webhook_pb2.WEBHOOK_DELIVERY_STATE_FAILED)
    pause = max(pause_s(attempts), min(answer.retry_after_s or 0.0, LONGEST_ASKED_S))
    # The last try falls on the end, rather than a pause over it.
    return Verdict(webhook_pb2.WEBHOOK_DELIVERY_STATE_PENDING, min(pause, left_s))


def pause_s(attempts: int) -> float:
    """How long to wait after so many tries, about: 5 s, 15 s, 45 s, … 6 h."""
    pause = min(FIRST_PAUSE_S * GROWTH ** min(attempts - 1, 20), LONGEST_PAUSE_S)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 - receivers are not to be met at once


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, of either form; None when it is none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return max((time - now).total_seconds(), 0.0)
