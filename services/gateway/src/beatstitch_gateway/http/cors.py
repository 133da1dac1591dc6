"""Which web pages may call: exact origins, and never with cookies, for a call's key is a header."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

RawHeaders = list[tuple[bytes, bytes]]

PREFLIGHT_AGE_S = 7200
_METHODS = b"GET, POST"
_ALLOWED = (
    b"authorization, connect-accept-encoding, connect-content-encoding, connect-protocol-version, "
    b"connect-timeout-ms, content-encoding, content-type, grpc-timeout, traceparent, x-api-key, "
    b"x-grpc-web, x-request-id, x-user-agent"
)
_EXPOSED = b"grpc-message, grpc-status, grpc-status-details-bin, x-request-id"
_VARY = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")


def origins_in(text: str) -> frozenset[str]:
    """The origins of a setting, separated by commas: `https://app.example,http://localhost:5173`.

    Raises:
        ValueError: One isn't exactly scheme://host[:port]; `*` isn't one either.
    """
    found = frozenset(item.strip() for item in text.split(",") if item.strip())
    for origin in found:
        parts = urlsplit(origin)
        exact = f"{parts.scheme}://{parts.netloc}" == origin
        if not exact or parts.scheme not in ("http", "https") or "*" in origin or "@" in origin:
            raise ValueError(f"not an exact origin (scheme://host[:port]): {origin}")
    return found


def is_preflight(method: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser asks before it sends what a page wants to send."""
    return method == "OPTIONS" and _value(headers, b"access-control-request-method") is not None


def preflight(origins: frozenset[str], headers: RawHeaders) -> tuple[int, RawHeaders]:
    """Status and headers of the answer: 204 and what is allowed, or 403 and nothing."""
    origin = allowed_origin(origins, headers)
    if origin is None:
        return 403, [_VARY]
    return 204, [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _ALLOWED),
        (b"access-control-max-age", b"%d" % PREFLIGHT_AGE_S),
        _VARY,
    ]


def response_headers(origins: frozenset[str], headers: RawHeaders) -> RawHeaders:
    """What a reply gets, so that the page that asked may read it."""
    if not origins:
        return []
    origin = allowed_origin(origins, headers)
    if origin is None:
        return [(b"vary", b"Origin")]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"Origin"),
    ]


def allowed_origin(origins: frozenset[str], headers: RawHeaders) -> bytes | None:
    """The caller's origin when it is one of ours."""
    origin = _value(headers, b"origin")
    return origin if origin is not None and origin.decode("latin-1") in origins else None


def _value(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key.lower() == name), None)
