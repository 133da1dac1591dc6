"""Makes an object as young as if it had been stored now, without moving its bytes.

S3 knows when an object was stored and not when it was last read, so whoever finds a finished piece
instead of making it anew says so by copying the object onto itself. That is a request inside of the
storage; obstore offers none that S3 takes (a copy onto itself has to replace the metadata), so it
is signed here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import quote

from beatstitch_runtime.storage.presign import Credentials, presign

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 30.0
_EXPIRES_S: Final = 300


class Toucher:
    """Touches objects of one bucket.

    Args:
        endpoint: URL of the S3 server as services reach it.
        bucket: The bucket.
        credentials: Who signs.
        ca_file: A private authority of the server's certificate.
    """

    def __init__(
        self, endpoint: str, bucket: str, credentials: Credentials, ca_file: Path | None = None
    ) -> None:
        self._endpoint, self._bucket = endpoint.rstrip("/"), bucket
        self._credentials = credentials
        self._ca_file = ca_file

    async def touch(self, key: str) -> bool:
        """Makes the object young; False when there is none.

        What else goes wrong is logged and no error: an object that stays old may be made again
        once more, that is all.
        """
        return await asyncio.to_thread(self._touch, key)

    def _touch(self, key: str) -> bool:
        headers = {
            "x-amz-copy-source": quote(f"/{self._bucket}/{key}"),
            "x-amz-metadata-directive": "REPLACE",
        }
        url = presign(
            "PUT",
            f"{self._endpoint}/{self._bucket}/{key}",
            self._credentials,
            expires_s=_EXPIRES_S,
            headers=headers,
        )
        request = urllib.request.Request(url, method="PUT", headers=headers)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=TIMEOUT_S, context=self._context()
            ) as reply:
                reply.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return False
            log.warning("an object could not be touched: %s", error.code, extra={"key": key})
        except OSError as error:
            # Without its own text: it may hold the signed URL.
            log.warning(
                "an object could not be touched: %s", type(error).__name__, extra={"key": key}
            )
        return True

    def _context(self) -> ssl.SSLContext | None:
        if not self._endpoint.startswith("https://"):
            return None
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context
