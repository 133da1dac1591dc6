"""Presigned S3 URLs (AWS Signature Version 4, query form), for the stack's own few requests.

Creating a bucket and asking whether a write succeeds is all the stack wants of S3; services and
tests use obstore. Source: AWS, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who signs."""

    access_key: str
    secret_key: str
    region: str


def presign(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    expires_s: int = 60,
    now: datetime | None = None,
) -> str:
    """The path and query that make `method` on `url` an authorised request.

    Args:
        method: HTTP method, upper case.
        url: `http://host:port/bucket/key`, unescaped and without a query.
        credentials: Keys and region.
        expires_s: How long the signature holds, seconds.
        now: The time of signing; the clock's when None.
    """
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    parts = urlsplit(url)
    path = quote(parts.path or "/")
    fields = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": "host",
    }
    query = urlencode(sorted(fields.items()), quote_via=quote, safe="")
    host = f"host:{parts.netloc}\n"
    canonical = f"{method}\n{path}\n{query}\n{host}\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{path}?{query}&X-Amz-Signature={signature}"
