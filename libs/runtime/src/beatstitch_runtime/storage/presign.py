"""Presigned S3 URLs (AWS Signature Version 4, query form). Pure.

obstore signs too, but neither for another endpoint than its own nor with response headers; clients
need both: they reach the storage by its public name, and a download wants a file name.
Source: AWS, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs; `secret_key` stays out of the repr."""

    access_key: str
    secret_key: str
    region: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, ***, {self.region!r})"


def presign(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    expires_s: int,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> str:
    """The URL with which anybody may do `method` on `url` for a while.

    Args:
        method: HTTP method, upper case.
        url: `http(s)://host[:port]/bucket/key`, unescaped and without a query.
        credentials: Keys and region.
        expires_s: How long it holds, seconds, 1 to 7 days.
        query: Further parameters to sign, for example "response-content-disposition".
        headers: Headers that the request has to carry with these very values, names in lower case,
            for example {"content-length": "5"}.
        now: The time of signing; the clock's when None.

    Raises:
        ValueError: `expires_s` is out of range.
    """
    if not 1 <= expires_s <= LONGEST_S:
        raise ValueError("a link holds from one second to seven days")
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    scheme, rest = url.split("://", 1)
    host, _, raw_path = rest.partition("/")
    path = quote(f"/{raw_path}", safe="/~")
    netloc = urlsplit(f"{scheme}://{host}").netloc
    signed = sorted({**(headers or {}), "host": netloc}.items())
    names = ";".join(name for name, _ in signed)
    fields = {
        **(query or {}),
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": names,
    }
    pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in fields.items())
    text = "&".join(f"{key}={value}" for key, value in pairs)
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
    canonical = f"{method}\n{path}\n{text}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"{scheme}://{host}{path}?{text}&X-Amz-Signature={signature}"
