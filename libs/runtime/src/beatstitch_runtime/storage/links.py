"""Links with which clients reach the storage themselves, by its public name."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from beatstitch_runtime.storage.presign import Credentials, presign


class Links:
    """Signs links to one bucket.

    Args:
        public_url: The S3 server as clients reach it.
        bucket: The bucket.
        credentials: Who signs.
    """

    def __init__(self, public_url: str, bucket: str, credentials: Credentials) -> None:
        self._root = f"{public_url.rstrip('/')}/{bucket}"
        self._credentials = credentials

    def sign_get(self, key: str, expires_s: int, filename: str | None = None) -> str:
        """A link with which anybody may download the object for `expires_s` seconds.

        Args:
            key: The object; it isn't checked whether it exists.
            expires_s: 1 second to 7 days.
            filename: What a browser is to call the file.
        """
        query = {}
        if filename is not None:
            query["response-content-disposition"] = disposition(filename)
        return self._sign("GET", key, expires_s, query)

    def sign_put(self, key: str, expires_s: int, size_bytes: int, sha256: str = "") -> str:
        """A link with which anybody may upload the object for `expires_s` seconds.

        Args:
            key: The object.
            expires_s: 1 second to 7 days.
            size_bytes: How many bytes the storage takes; it refuses another number (403).
            sha256: Of the bytes, hex; the storage refuses others (400). Empty for any.
        """
        query = {}
        if sha256:
            query["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(sha256)).decode()
        return self._sign("PUT", key, expires_s, query, {"content-length": str(size_bytes)})

    def _sign(
        self,
        method: str,
        key: str,
        expires_s: int,
        query: dict[str, str],
        headers: dict[str, str] | None = None,
    ) -> str:
        url = f"{self._root}/{key}"
        return presign(
            method, url, self._credentials, expires_s=expires_s, query=query, headers=headers
        )


def disposition(filename: str) -> str:
    """A Content-Disposition header that names a file (RFC 6266, RFC 5987)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
