"""Signatures as Standard Webhooks have them (www.standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> bytes:
    """What a webhook's events are signed with."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """The secret as its owner is told it, once."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(secret: bytes, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove that an event is ours and of this time.

    Args:
        secret: The webhook's.
        event_id: The same in every try.
        timestamp: Of this try, seconds since 1970.
        body: What is sent.
    """
    content = f"{event_id}.{timestamp}.".encode() + body
    signature = hmac.new(secret, content, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }
