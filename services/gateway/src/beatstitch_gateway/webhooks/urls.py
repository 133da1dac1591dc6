"""URLs of webhooks: taken apart once, so that what was checked is what is connected to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL = 2000
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9.])?", re.IGNORECASE)
_V6 = re.compile(r"[0-9a-f:.]+", re.IGNORECASE)
_TARGET = re.compile(r"[\x21-\x7e]*")
_PORTS = {"http": 80, "https": 443}
_MOST_PORT = 65535


@dataclass(frozen=True)
class Target:
    """Where a request goes.

    Attributes:
        scheme: "http" or "https".
        host: A name or an address, without brackets.
        port: The port.
        path: Path and query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as the header Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """The parts of a webhook's URL.

    Raises:
        ValueError: It can't be one; the message says why, for people.
    """
    if not 1 <= len(url) <= MAX_URL:
        raise ValueError(f"has to have 1 to {MAX_URL} characters")
    if not _TARGET.fullmatch(url) or "\\" in url:
        raise ValueError("has to be of visible ASCII characters; write others percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in _PORTS:
        raise ValueError("has to begin with https://")
    if "@" in parts.netloc:
        raise ValueError("can't carry a user or a password: events are signed")
    if parts.fragment or url.endswith("#"):
        raise ValueError("can't have a fragment (#): it would not be sent")
    host = parts.hostname or ""
    shape = _V6 if ":" in host else _HOST
    if not shape.fullmatch(host):
        raise ValueError("has no host that can be connected to")
    if port == 0:
        raise ValueError(f"has a port outside of 1 to {_MOST_PORT}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)
