"""The public keys of who signs our tokens (RFC 7517), fetched, kept, and fetched again.

Fetched when a token names a key that isn't known, but at most once in `retry_s`, so that made-up
names can't be turned into a flood; and again after `refresh_s`, so that a key that was withdrawn is
forgotten. While the issuer doesn't answer, the keys that are known go on, for `stale_s` at most.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.error import URLError

import jwt

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
MAX_BYTES = 1024 * 1024
# Keys that can't verify what they didn't sign; a secret shared with the issuer is none of ours.
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from where the settings say, and from nowhere else."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


class Jwks:
    """The keys at one address.

    Args:
        url: Where they are.
        refresh_s: How old they may be before they are fetched again.
        retry_s: The shortest time between two fetches.
        stale_s: How old they may be while they can't be fetched.
    """

    def __init__(self, url: str, refresh_s: float, retry_s: float, stale_s: float) -> None:
        self._url = url
        self._refresh_s, self._retry_s, self._stale_s = refresh_s, retry_s, stale_s
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of this name, or None; without a name the only one there is.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN: no keys are known and none can be had.
        """
        age_s = time.monotonic() - self._fetched_at
        if age_s > self._refresh_s or self._find(kid) is None:
            await self._refresh()
            age_s = time.monotonic() - self._fetched_at
        if age_s > self._stale_s:
            _away()
        return self._find(kid)

    def _find(self, kid: str) -> jwt.PyJWK | None:
        if kid:
            return self._keys.get(kid)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    async def _refresh(self) -> None:
        """Fetches, unless that was tried a moment ago; who comes meanwhile waits for it too."""
        if self._fetching is None:
            if time.monotonic() - self._tried_at < self._retry_s:
                return
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._done)
        await asyncio.shield(self._fetching)

    def _done(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            keys = parse(await asyncio.to_thread(_read, self._url))
        except (OSError, URLError, ValueError) as error:
            log.warning("the keys for tokens can't be had: %s", type(error).__name__)
            return
        self._keys, self._fetched_at = keys, time.monotonic()


def parse(data: bytes) -> dict[str, jwt.PyJWK]:
    """The usable keys of a JWK set, by name; what isn't for signatures of ours is left out.

    Raises:
        ValueError: It isn't a JWK set.
    """
    document = json.loads(data)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWK set")  # noqa: TRY004 - of the document, not of a type
    found = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        key = _usable(entry)
        if key is not None:
            found[key.key_id or ""] = key
    return found


def _usable(entry: dict[str, Any]) -> jwt.PyJWK | None:
    try:
        key = jwt.PyJWK.from_dict(entry)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None  # of a kind that we don't know
    private = any(name in entry for name in ("d", "k"))
    return None if private or key.algorithm_name not in ASYMMETRIC else key


def _read(url: str) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(url, timeout=TIMEOUT_S) as reply:
        data: bytes = reply.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError("too large for a JWK set")
    return data


def _away() -> NoReturn:
    raise BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        "the keys that tokens are checked with can't be had",
        metadata={"dependency": "jwks"},
        retry_after_s=1.0,
    )
